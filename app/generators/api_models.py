"""The request bodies and answers of the JSON API of generators."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from app.common.config import Config
from app.core.api import Answer, Page, RunAnswer, RunProgress
from app.generators.alternatives import AlternativesConfig
from app.generators.config import GeneratorConfig
from app.generators.kinds import KINDS
from app.generators.models import SamplingRun
from app.generators.pool_sampling import PoolPlan
from app.generators.purposes import PURPOSES
from app.generators.rollout_plan import RolloutPlan
from app.generators.trial import TrialConfig
from app.generators.usage import ItemCounts, SamplingCounters, compute_price

Kind = Annotated[str, Field(max_length=40, json_schema_extra={"enum": list(KINDS)})]
Purpose = Annotated[str, Field(json_schema_extra={"enum": list(PURPOSES)})]


class GeneratorRequest(Config):
    """A generator to create. Generators never change."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"name": "qwen", "kind": "openai", "base_url": "http://localhost:8001/v1", "model": "qwen"}
            ]
        }
    )

    name: Annotated[str, Field(max_length=200)]
    """Its name, stored with its solutions."""
    kind: Kind = "openai"
    """openai: a server with the OpenAI API. transformers: a model folder on this server."""
    model: Annotated[str, Field(max_length=500)] = ""
    """Name of the model on the server, or of the folder."""
    base_url: Annotated[str, Field(max_length=2000)] = ""
    """Server URL up to /v1."""
    api_key_env: Annotated[str, Field(max_length=200)] = ""
    """Environment variable of the worker with the API key, STEPMARK_KEY_... Empty: no key."""
    config: GeneratorConfig = GeneratorConfig()
    """How the generator is asked."""


class GeneratorOut(Answer):
    """A generator."""

    id: int
    """ID of the generator."""
    name: str
    """Its name, stored with its solutions."""
    kind: Kind
    """openai: a server with the OpenAI API. transformers: a model folder on this server."""
    base_url: str | None
    """Server URL up to /v1. Null for a local model."""
    model: str
    """Name of the model on the server, or the folder."""
    api_key_env: str | None
    """Environment variable of the worker with the API key. Null: no key."""
    config: GeneratorConfig
    """How the generator is asked."""
    created_at: dt.datetime
    """When it was created."""
    retired_at: dt.datetime | None
    """When it was retired. Null: it can start runs."""


class GeneratorList(Answer):
    """The generators of a project."""

    generators: list[GeneratorOut]
    """Active generators first, newest first, at most 200."""


class TrialSample(Answer):
    """The sample of a trial."""

    problem_id: int
    """The problem."""
    finish: str
    """Why the model stopped: stop or length."""
    text: str
    """The text as sampled, where it has no usable steps; else empty."""
    steps: list[str] | None = None
    """The steps. Null where there are none."""
    answer: str | None = None
    """The final answer that was found."""


class SamplingProgress(RunProgress):
    """What a sampling run does now."""

    per_s: float | None = None
    """Samples per second. Null before the first measurement."""
    trial: TrialSample | None = None
    """The sample, for a trial."""


class SamplingRunOut(RunAnswer):
    """A run of a generator."""

    generator_id: int
    """The generator."""
    purpose: Purpose
    """What is sampled."""
    config: TrialConfig | PoolPlan | RolloutPlan | AlternativesConfig
    """What to sample; its form depends on the purpose."""
    attempt: int
    """Number of the current attempt; 0 before the first."""
    total: int
    """Missing samples when the run was created."""
    counters: SamplingCounters
    """What was used and stored so far."""
    progress: SamplingProgress
    """What the run does now."""
    heartbeat_at: dt.datetime | None
    """Last sign of life of its process."""
    price: float | None
    """Price so far, by the rates of the generator's config. Null without rates."""


class SamplingRunPage(Page):
    """Sampling runs, newest first."""

    sampling_runs: list[SamplingRunOut]
    """At most 100."""


class SamplingErrorOut(Answer):
    """A failed request or an unusable sample."""

    problem_id: int
    """The problem it was for."""
    message: str
    """What happened."""


class SamplingRunDetail(SamplingRunOut):
    """A sampling run with its units and errors."""

    items: ItemCounts
    """Its units: problems, or solutions."""
    errors: list[SamplingErrorOut]
    """The newest errors, at most 50."""


class ReleaseOut(Answer):
    """Solutions that were released."""

    queued: int
    """Solutions queued with the alternatives they have."""


class AlternativeSettingsRequest(Config):
    """Alternatives before queueing."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"generator_id": 1, "alternative_count": 3, "positions": "every"}]}
    )

    generator_id: Annotated[int, Field(gt=0, lt=2**62)] | None = None
    """The generator that makes alternatives. Null: none are made."""
    alternative_count: Annotated[int, Field(ge=1, le=20)] = 3
    """Alternatives per step."""
    positions: Literal["every", "suspect"] = "every"
    """Every step, or the suspected step only."""


class AlternativeSettingsOut(Answer):
    """Alternatives before queueing."""

    generator_id: int | None = None
    """The generator that makes alternatives. Null: none are made."""
    alternative_count: int | None = None
    """Alternatives per step. Null: none are made."""
    positions: Literal["every", "suspect"] | None = None
    """Every step, or the suspected step only. Null: none are made."""
    waiting: int
    """Solutions that wait for their alternatives and are not queued yet."""


def build_sampling_run(run: SamplingRun) -> SamplingRunOut:
    config = PURPOSES[run.purpose].config.parse(run.config)
    return SamplingRunOut.build(run, config=config, price=compute_price(run))
