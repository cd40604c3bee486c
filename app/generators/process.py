"""The process that samples: `python -m app.generators.process RUN_ID FENCE`. Several may work on one run.

The process that holds the advisory lock on the id of an item works on it. The lock ends with the process,
and the next process computes from the stored samples what is missing. No transaction is open during a
request to the generator."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
import traceback
from collections import Counter, deque
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

import psycopg
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from app.answers.prover_process import ProverProcess
from app.core.db import libpq_url, transaction
from app.core.run_lifecycle import lock_run, record_failure, record_heartbeat
from app.core.subprocess_jobs import STOPPED
from app.generators import runs, usage
from app.generators.models import SamplingError, SamplingItem, SamplingRun
from app.generators.prompts import SampleRequest
from app.generators.purpose import SamplingPurpose
from app.generators.purposes import PURPOSES
from app.generators.sampler import (
    Sampler,
    SamplerError,
    SampleResult,
    SamplerRejected,
    SamplerResponse,
    SamplingStopped,
    open_sampler,
)
from app.settings import settings

BEAT_SECONDS = 1.0
GRADE_SECONDS = 60.0
ITEM_ERRORS = 3
"""Failed requests, each after its retries, before an item fails."""
IN_A_ROW = 10
"""Consecutive failed requests before the run ends."""
KEPT_ERRORS = 1000
LOCK = "SELECT pg_try_advisory_lock(hashtextextended('sampling item ' || %s, 0))"
UNLOCK = "SELECT pg_advisory_unlock(hashtextextended('sampling item ' || %s, 0))"
Waiting = dict[Future[SamplerResponse], tuple["InFlightItem", SampleRequest]]


@dataclass
class InFlightItem:
    id: int
    asks: deque[SampleRequest]
    out: int = 0
    """Requests in flight."""


@dataclass
class SamplingWorker:
    """The part of a run that one process does."""

    run_id: int
    fence: int
    sampler: Sampler
    stopping: threading.Event
    locks: psycopg.Connection
    prover: ProverProcess
    purpose: SamplingPurpose
    hands: list[InFlightItem] = field(default_factory=list)
    failures: int = 0
    stored_count: int = 0
    refused: SamplerRejected | None = None

    def run(self, patient: bool) -> None:
        """Send requests until no item is left, the run ends, or the process must stop."""
        begun = beaten = graded = time.monotonic()
        items, waiting = self._items(), Waiting()
        workers = ThreadPoolExecutor(self.sampler.concurrency, "ask")
        while not self.stopping.is_set():
            while len(waiting) < self.sampler.concurrency and (request := self._next(items)):
                hand, ask = request
                hand.out += 1
                waiting[workers.submit(self.sampler.request, ask)] = request
            if not waiting:
                break
            done, _ = wait(waiting, timeout=BEAT_SECONDS, return_when=FIRST_COMPLETED)
            for future in done:
                self._settle(future, *waiting.pop(future))
            if (now := time.monotonic()) - beaten >= BEAT_SECONDS:
                self._beat(now - begun)
                beaten = now
            if now - graded >= GRADE_SECONDS and self.purpose.adds_to_pool:
                with transaction() as db:
                    graded = now
                    runs.enqueue_grading(db, db.get_one(SamplingRun, self.run_id).project_id)
        workers.shutdown(wait=patient, cancel_futures=True)

    def _next(self, items: Iterator[InFlightItem]) -> tuple[InFlightItem, SampleRequest] | None:
        for hand in self.hands:
            if hand.asks:
                return hand, hand.asks.popleft()
        for hand in items:
            self.hands.append(hand)
            return hand, hand.asks.popleft()
        return None

    def _items(self) -> Iterator[InFlightItem]:
        """Items of the run that no other process holds, one at a time."""
        after = 0
        chosen = select(SamplingItem.id).where(
            SamplingItem.sampling_run_id == self.run_id, SamplingItem.state == "queued"
        )
        while True:
            with transaction() as db:
                ids = db.scalars(
                    chosen.where(SamplingItem.id > after).order_by(SamplingItem.id).limit(50)
                ).all()
            if not ids:
                return
            for number in ids:
                after = number
                if self._lock(number) and (asks := self._next_requests(number)):
                    yield InFlightItem(number, asks)

    def _lock(self, number: int) -> bool:
        row = self.locks.execute(LOCK, (str(number),)).fetchone()
        return bool(row and row[0])

    def _next_requests(self, number: int) -> deque[SampleRequest]:
        """Requests for what the item lacks now. If it lacks nothing, it is done or failed."""
        with transaction() as db:
            run, item = db.get_one(SamplingRun, self.run_id), db.get_one(SamplingItem, number)
            asks: list[SampleRequest] = []
            if item.state == "queued":
                item.error = None
                asks = [] if item.errors >= ITEM_ERRORS else self.purpose.next_requests(db, run, item)
                if item.errors >= ITEM_ERRORS:
                    item.error = "Its requests failed repeatedly."
                if not asks:
                    item.state = "failed" if item.error else "succeeded"
                    if item.state == "succeeded":
                        self.purpose.finish_item(db, run, item)
        if not asks:
            self.locks.execute(UNLOCK, (str(number),))
        return deque(asks)

    def _settle(self, future: Future[SamplerResponse], hand: InFlightItem, ask: SampleRequest) -> None:
        hand.out -= 1
        try:
            self._store_samples(hand, ask, future.result())
            self.failures = 0
        except SamplingStopped:
            return
        except SamplerError as error:
            self._failed(hand, error)
        if not hand.out and not hand.asks and not self.stopping.is_set():
            hand.asks = self._next_requests(hand.id)
            if not hand.asks:
                self.hands.remove(hand)

    def _store_samples(self, hand: InFlightItem, ask: SampleRequest, answer: SamplerResponse) -> None:
        """Store the samples and their usage in one transaction."""
        came = SampleResult(ask, answer, self.prover)
        with transaction() as db:
            run, item = db.get_one(SamplingRun, self.run_id), db.get_one(SamplingItem, hand.id)
            counts: Counter[str] = self.purpose.store(db, run, item, came)
            counts["unusable"] += len(came.unusable)
            progress, run = run.progress, self._lock_run(db)
            run.progress = {**run.progress, **progress}
            item.sample_count += len(answer.texts)
            item.errors += not counts["stored"] and bool(came.unusable)
            usage.add_usage(run, answer.cost, counts)
            for message in came.unusable:
                self._note(db, run, item, message)
        self.stored_count += counts["stored"]

    def _failed(self, hand: InFlightItem, error: SamplerError) -> None:
        self.failures += 1
        if isinstance(error, SamplerRejected) or self.failures >= IN_A_ROW:
            self.refused = error if isinstance(error, SamplerRejected) else SamplerRejected(str(error))
            self.stopping.set()
        with transaction() as db:
            run, item = self._lock_run(db), db.get_one(SamplingItem, hand.id)
            item.errors += 1
            usage.add_usage(run, error.cost, Counter(failed=1))
            self._note(db, run, item, str(error))
        hand.asks.clear()  # what is missing is computed again when the last request returns

    def _note(self, db, run: SamplingRun, item: SamplingItem, message: str) -> None:  # type: ignore[no-untyped-def]
        noted = run.counters.get("listed_errors", 0)
        if noted < KEPT_ERRORS:
            run.counters = {**run.counters, "listed_errors": noted + 1}
            db.add(SamplingError(sampling_run_id=run.id, problem_id=item.problem_id, message=message[:1000]))

    def _lock_run(self, db: Session) -> SamplingRun:
        """What came is counted, even if the run is over by now."""
        run = lock_run(db, self.run_id, SamplingRun)
        assert run is not None
        return run

    def _beat(self, seconds: float) -> None:
        """Record a heartbeat; stop if the run is no longer active."""
        rate = {"per_s": round(self.stored_count / max(seconds, 1e-9), 3)}
        with contextlib.suppress(SQLAlchemyError), transaction() as db:  # away: said next time
            if record_heartbeat(db, self.run_id, self.fence, rate, merge=True) is not None:
                self.stopping.set()


def main(run_id: int, fence: int) -> int:
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    return run_sampling(run_id, fence, stopping)


def run_sampling(run_id: int, fence: int, stopping: threading.Event, *, patient: bool = False) -> int:
    """0 on completion, 2 if the generator cannot be used, 3 if it must stop. `patient`: wait for requests in
    flight."""
    with transaction() as db:
        run = db.get_one(SamplingRun, run_id)
        generator, purpose = run.generator, PURPOSES[run.purpose]
    try:
        sampler = open_sampler(generator, stopping)
    except SamplerRejected as error:
        return record_rejection(run_id, fence, error)
    url = libpq_url(settings().database_url or "")
    with psycopg.connect(url, autocommit=True) as locks, ProverProcess() as prover:
        work = SamplingWorker(run_id, fence, sampler, stopping, locks, prover, purpose)
        work.run(patient)
    sampler.close()
    if work.refused is not None:
        return record_rejection(run_id, fence, work.refused)
    if stopping.is_set():
        return STOPPED
    with transaction() as db:
        runs.finish(db, run_id, fence)
    return 0


def record_rejection(run_id: int, fence: int, error: SamplerRejected) -> int:
    with transaction() as db:
        record_failure(db, run_id, fence, str(error), final=True)
    return 2


if __name__ == "__main__":
    try:
        code = main(int(sys.argv[1]), int(sys.argv[2]))
    except Exception:
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # does not wait for requests in flight
