"""The resources of a search process, and how it reports progress."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import update

from app.answers.grade import Prover
from app.core.db import transaction
from app.core.run_lifecycle import record_heartbeat
from app.lab.answer_grader import AnswerGrader
from app.lab.models import SearchRun
from app.search.protocols import Proposer, Scorer


class SearchEnded(Exception):
    """The search was cancelled or must stop."""


class ScorerWithCosts(Scorer, Protocol):
    """A scorer that reports its size and token usage."""

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
    """None for servers, which do not report their size."""
    fence: int = 0
    """Of the attempt."""

    def answers(self, reference: str | None) -> AnswerGrader:
        return AnswerGrader(self.joint, self.prover, reference)


def report_progress(
    run_id: int, tools: SearchContext, progress: dict[str, Any], tree: dict[str, Any] | None = None
) -> None:
    """Store the progress. Raises SearchEnded if the run is no longer active."""
    if tools.stopping.is_set():
        raise SearchEnded
    with transaction() as db:
        if record_heartbeat(db, run_id, tools.fence, progress) is not None:
            raise SearchEnded
        if tree is not None:
            statement = update(SearchRun).where(SearchRun.id == run_id).values(tree=tree)
            db.execute(statement, execution_options={"synchronize_session": False})
