"""The kinds of generators. To add a kind, implement GeneratorKind and list it in KINDS."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from app.core import model_paths
from app.core.errors import Invalid
from app.generators import url_policy
from app.generators.config import GeneratorConfig
from app.generators.models import Generator
from app.prm.checkpoint_safety import BadCheckpoint, validate_folder


class GeneratorKind(Protocol):
    name: str
    """As stored in `generator.kind`."""
    label: str
    """In tables."""
    choice: str
    """In the form for a new generator."""
    job_queue: str
    """The queue whose workers can run it."""
    sampler_module: str
    """The module with its `open_sampler`. By name, because the web process must not import torch."""
    missing_model: str
    """The error for an empty model name."""

    def set_source(self, generator: Generator, base_url: str, api_key_env: str, *, site_admin: bool) -> None:
        """Validate where the model is and set `base_url`, `model` and `api_key_env`. Raises Invalid or
        Forbidden."""

    def supports_continuations(self, config: GeneratorConfig) -> bool:
        """Whether a search can ask it to continue a partial solution."""


class OpenAIKind(GeneratorKind):
    name, label, choice = "openai", "Server", "Server (OpenAI API)"
    job_queue, sampler_module = "default", "app.generators.openai_sampler"
    missing_model = "The model name is missing."

    def set_source(self, generator: Generator, base_url: str, api_key_env: str, *, site_admin: bool) -> None:
        generator.base_url = url_policy.validate_url(base_url, site_admin=site_admin)
        generator.api_key_env = url_policy.validate_key_env(api_key_env)

    def supports_continuations(self, config: GeneratorConfig) -> bool:
        return config.supports_continuations


class TransformersKind(GeneratorKind):
    name, label, choice = "transformers", "Local model", "Local model folder"
    job_queue, sampler_module = "scoring", "app.generators.transformers_sampler"
    missing_model = "The model folder is missing."

    def set_source(self, generator: Generator, base_url: str, api_key_env: str, *, site_admin: bool) -> None:
        generator.model = str(resolve_model_folder(generator.model, generator.project_id))

    def supports_continuations(self, config: GeneratorConfig) -> bool:
        return True


KINDS: dict[str, GeneratorKind] = {kind.name: kind for kind in (OpenAIKind(), TransformersKind())}


def resolve_model_folder(name: str, project_id: int) -> Path:
    """The folder of a registered base, or a folder in the model roots that the project may name. Raises
    Invalid if it is none or cannot be read."""
    path = model_paths.resolve_model_path(name, project_id)
    try:
        validate_folder(path)
    except BadCheckpoint as error:
        raise Invalid(f"Cannot use this folder: {error}.") from error
    return path
