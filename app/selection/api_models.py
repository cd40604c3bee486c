"""The answers of the JSON API of rounds and generations."""

from __future__ import annotations

import datetime as dt
from typing import Literal

from sqlalchemy.orm import Session

from app.core.api import Answer, Page, RunAnswer
from app.selection import rounds
from app.selection.config import RoundConfig
from app.selection.funnel import FunnelCounts
from app.selection.gate import GateResult
from app.selection.generations import GenerationSummary
from app.selection.models import Round
from app.selection.round_children import RoundOutputs, load_outputs
from app.selection.rounds import RoundStage
from app.training.api_models import ModelMetrics


class RoundOut(RunAnswer):
    """A round."""

    generation: int
    """Number of the generation that it queues."""
    stage: Literal["snapshot", "train", "score", "validate", "select", "queue"]
    """The stage it has reached."""
    config: RoundConfig
    """Which labels, which model, what to queue."""
    outputs: RoundOutputs
    """What it made so far."""
    stages: list[RoundStage]
    """All stages, in order."""


class RoundPage(Page):
    """Rounds, newest first."""

    rounds: list[RoundOut]
    """At most 100."""


class SelectorOut(Answer):
    """The model that selected a generation."""

    id: int
    """ID of the model."""
    name: str
    """Its name."""
    metrics: ModelMetrics
    """What its training measured."""


class AppliedPolicy(Answer):
    """What was queued, after the gate."""

    size: int
    """Solutions to queue."""
    shares: dict[str, float]
    """The mixture as applied, by strategy."""
    requested_shares: dict[str, float] | None = None
    """The mixture as requested, by strategy. Null where no gate was applied."""
    per_problem: int
    """Maximum solutions of one problem."""
    splits: list[str]
    """Splits of the candidate problems."""
    seed: int
    """Random seed."""
    gate: GateResult | None = None
    """The gate's result. Null where no gate was applied."""


class GenerationOut(Answer):
    """A generation with its labels."""

    number: int
    """0 is the first queue, chosen before there was a model."""
    tasks: int
    """Solutions queued."""
    withdrawn: int
    """Tasks withdrawn."""
    waiting: int
    """Tasks that are not labeled yet."""
    labeled: int
    """Tasks with a submission."""
    judgements: int
    """Submissions."""
    found_error: int
    """Submissions that found an error."""
    solution: int
    """Submissions that found no error."""
    set_aside: int
    """Submissions of bad problems and given-up solutions."""
    error_share: float | None
    """Share of the submissions that found an error, 0 to 1. Null without submissions."""
    minutes: float
    """Active minutes of labelers."""
    positive: int
    """Positive ratings."""
    neutral: int
    """Neutral ratings."""
    negative: int
    """Negative ratings."""
    model: SelectorOut | None
    """The model that selected it. Null for the first queue."""
    snapshot_id: int | None
    """The labels that its model was trained on."""
    policy: AppliedPolicy | None
    """What was queued. Null for the first queue."""
    funnel: FunnelCounts | None
    """From sampled to queued. Null for the first queue."""
    created_at: dt.datetime | None
    """When a round made it. Null for the first queue."""


class GenerationPage(Page):
    """Generations, newest first."""

    generations: list[GenerationOut]
    """At most 100."""


def build_round(db: Session, round_: Round) -> RoundOut:
    return RoundOut.build(round_, outputs=load_outputs(db, round_), stages=rounds.list_stages(db, round_))


def build_generation(summary: GenerationSummary) -> GenerationOut:
    generation = summary.generation
    return GenerationOut.build(
        summary,
        snapshot_id=generation.snapshot_id if generation else None,
        policy=(generation.policy or None) if generation else None,
        funnel=(generation.funnel or None) if generation else None,
        created_at=generation.created_at if generation else None,
    )
