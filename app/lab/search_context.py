"""What a search's process works with, and how it says how far it is."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any, Protocol

import orjson
from sqlalchemy import text

from app.answers.grade import Prover
from app.core.db import transaction
from app.lab.answer_grader import AnswerGrader
from app.search.protocols import Proposer, Scorer

NOTE = text(
    """UPDATE search_run SET heartbeat_at = now(), progress = CAST(:progress AS jsonb),
         tree = coalesce(CAST(:tree AS jsonb), tree)
       WHERE id = :id AND state = 'running' RETURNING id"""
)


class SearchEnded(Exception):
    """Cancelled, or asked to end."""


class ScorerWithCosts(Scorer, Protocol):
    """A scorer that knows its own size."""

    @property
    def aggregate(self) -> str: ...
    @property
    def tokens(self) -> int: ...
    @property
    def parameters(self) -> int: ...


@dataclass
class SearchContext:
    proposer: Proposer
    judge: ScorerWithCosts
    prover: Prover
    joint: str
    stopping: threading.Event
    problem_id: int | None
    generator_parameters: int | None = None
    """Null: a server's, which nobody tells."""

    def answers(self, reference: str | None) -> AnswerGrader:
        return AnswerGrader(self.joint, self.prover, reference)


def report_progress(
    run_id: int, tools: SearchContext, progress: dict[str, Any], tree: dict[str, Any] | None = None
) -> None:
    """Say how far it is; Ended if nobody wants to know any more."""
    if tools.stopping.is_set():
        raise SearchEnded
    said = {
        "id": run_id,
        "progress": orjson.dumps(progress).decode(),
        "tree": None if tree is None else orjson.dumps(tree).decode(),
    }
    with transaction() as db:
        if db.scalar(NOTE, said) is None:
            raise SearchEnded
