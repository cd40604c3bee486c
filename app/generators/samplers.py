"""Opening a generator. Never from the web process: a local model brings torch."""

from __future__ import annotations

import threading
from pathlib import Path

from app.generators.config import parse
from app.generators.models import Generator
from app.generators.sampler import Sampler, SamplerRejected
from app.settings import api_key


def open_sampler(generator: Generator, stopping: threading.Event) -> Sampler:
    """Ready to be asked. `stopping` ends its waiting. Refused says why it cannot be."""
    config = parse(generator.config)
    if generator.kind == "transformers":
        from app.generators.transformers_sampler import TransformersSampler

        return TransformersSampler(Path(generator.model), config, stopping)
    from app.generators.openai_sampler import OpenAISampler

    key = api_key(generator.key_name) if generator.key_name else None
    if generator.key_name and not key:
        raise SamplerRejected(
            f"The worker's environment has no {generator.key_name}. Set it and start the worker again."
        )
    return OpenAISampler(generator.base_url or "", generator.model, key, config, stopping)
