"""What every purpose of a sampling run provides. purposes.py lists them."""

from __future__ import annotations

from collections import Counter
from typing import Protocol

from sqlalchemy.orm import Session

from app.common.config import Config
from app.generators.models import SamplingItem, SamplingRun
from app.generators.prompts import SampleRequest
from app.generators.sampler import SampleResult


class SamplingPurpose(Protocol):
    """A purpose decides what a run samples, how much is missing and how results are stored."""

    name: str
    """As stored in `sampling_run.purpose`."""
    label: str
    """In tables."""
    title: str
    """Heading of a run's page."""
    unit: str
    """What an item of the run stands for, in the plural."""
    config: type[Config]
    """Of its runs. Checked before a run is created, and stored with it."""
    is_trial: bool = False
    """One sample that is shown and not stored."""
    adds_to_pool: bool = False
    """The samples are new solutions: they are graded, and duplicates are counted."""
    queues_solutions: bool = False
    """A finished item puts its solution into the labeling queue."""

    def create_items(self, db: Session, run: SamplingRun) -> None:
        """Add the items of a new run and set its total. Raises Invalid if nothing is missing."""

    def next_requests(self, db: Session, run: SamplingRun, item: SamplingItem) -> list[SampleRequest]:
        """Requests for what the item lacks now; none if it is complete."""

    def store(self, db: Session, run: SamplingRun, item: SamplingItem, came: SampleResult) -> Counter[str]:
        """Store the samples of one response. Returns counts, such as `made` and `surplus`."""

    def finish_item(self, db: Session, run: SamplingRun, item: SamplingItem) -> None:
        """Runs in the transaction that completes the item."""
        return
