"""The kinds of runs. Each slice registers its kinds: the validation before the start, the executor, and the
actions after a finish. The web process loads this file and the kinds, never the code of a job."""

from __future__ import annotations

from importlib import import_module
from typing import Any, ClassVar, Generic, TypeVar

from sqlalchemy.orm import Session

from app.core.run_models import Run

R = TypeVar("R", bound=Run)
K = TypeVar("K", bound="RunKind[Any]")


class RunKind(Generic[R]):
    """The hooks of the lifecycle. They do nothing unless a kind overrides them."""

    name: ClassVar[str]
    label: ClassVar[str]
    """The name in lists: "Training run"."""
    noun: ClassVar[str]
    """The noun in sentences: "This training is running"."""
    table: type[R]
    process: ClassVar[str] = ""
    """Module of its process, called with the run's id and the fence of the attempt."""
    executor: ClassVar[str] = "app.core.subprocess_jobs:run_in_subprocess"
    """ "module:function" that a worker calls with the kind and the run's id. Named, not imported: the web
    never loads it."""
    page: ClassVar[str] = ""
    """The URL of its page in the project, if the kind has one: "/training-runs/{id}"."""
    role: ClassVar[str] = "researcher"
    """The lowest role that may see, cancel and resume a run."""
    queue: ClassVar[str] = "default"
    silence_s: ClassVar[float] = 90
    """A running run without a heartbeat for this time has lost its process."""
    in_worker: ClassVar[bool] = False
    """A worker carries it out itself (run_worker.py), without a process."""
    reports_heartbeats: ClassVar[bool] = False
    """The process reports that it is alive; else the worker that watches it does."""
    patience_s: ClassVar[float] = 3
    stop_patience_s: ClassVar[float] = 3
    """Between SIGTERM and SIGKILL: when the run is not wanted any more, and when its worker stops."""
    cancels_gracefully: ClassVar[bool] = False
    """Whether its process stops a running run after a request. Otherwise the run is cancelled at once."""

    def validate(self, db: Session, run: R) -> None:
        """Raises before a run is created whose settings cannot work."""

    def on_create(self, db: Session, run: R) -> None:
        """The run's row exists now; adds the rows that belong to it."""

    def on_attempt(self, db: Session, run: R) -> None:
        """An attempt starts."""

    def on_cancel(self, db: Session, run: R) -> None:
        """Called when a user cancels the run."""

    def on_resume(self, db: Session, run: R) -> None:
        """Called when a user resumes the run."""

    def on_finish(self, db: Session, run: R) -> None:
        """The run succeeded, failed or was cancelled."""

    def can_resume(self, db: Session, run: R) -> bool:
        return run.state in ("failed", "cancelled")

    def job_queue(self, db: Session, run: R) -> str:
        """The queue of its job, which separates workers with and without torch."""
        return self.queue

    def job_lock(self, run: R) -> str | None:
        """Jobs with an equal lock run one after the other."""
        return None


KINDS: dict[str, RunKind[Any]] = {}


def register(kind: K) -> K:
    KINDS[kind.name] = kind
    return kind


def get_kind(run: Run) -> RunKind[Any]:
    return KINDS[run.kind]


def load_executor(kind: RunKind[Any]) -> Any:
    module, function = kind.executor.split(":")
    return getattr(import_module(module), function)
