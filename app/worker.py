"""The worker's root: every slice's tasks, one process that runs them.

SIGTERM or Ctrl-C: no new jobs; a training writes its checkpoint and is handed back; whatever
is left is ended after half a minute. A database that is away is waited for."""

from __future__ import annotations

import asyncio
import importlib.util
import logging
import signal
from importlib import import_module

import procrastinate

from app.core.jobs import connector, queue, stop_requested

SLICES = (
    "problems",
    "generators",
    "scoring",
    "explorer",
    "exchange",
    "quality",
    "evaluation",
    "runs",  # last: it declares a job for every kind
)
TRAINING_QUEUES = ("training", "scoring")
QUEUES = ("default", *TRAINING_QUEUES)
log = logging.getLogger("stepmark.worker")


def can_train() -> bool:
    return all(importlib.util.find_spec(name) for name in ("torch", "transformers"))


def declare() -> None:
    import_module("app.run_registry")
    for name in SLICES:
        import_module(f"app.{name}.tasks")


@queue.periodic(cron="* * * * *")
@queue.task(name="worker.stalled", queueing_lock="worker.stalled", pass_context=True)
async def stalled(context: procrastinate.JobContext, timestamp: int) -> None:
    """Jobs whose worker died are put back. Every job of ours may run twice."""
    for job in await context.app.job_manager.get_stalled_jobs():
        await context.app.job_manager.retry_job(job)


def run(concurrency: int, queues: list[str]) -> None:
    declare()
    if not can_train() and set(queues) & set(TRAINING_QUEUES):
        log.warning("torch is not installed: training and scoring wait for another worker (stepmark[train])")
        queues = [name for name in queues if name not in TRAINING_QUEUES]
    asyncio.run(_until_ended(concurrency, queues))


async def _until_ended(concurrency: int, queues: list[str]) -> None:
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()

    def end() -> None:
        stop_requested.set()
        ended.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end)
    while not ended.is_set():
        work = asyncio.create_task(_work(concurrency, queues))
        stopping = asyncio.create_task(ended.wait())
        await asyncio.wait((work, stopping), return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if ended.is_set():
            work.cancel()  # procrastinate finishes what runs, within its timeout
        try:
            await work
        except asyncio.CancelledError:
            return
        except (procrastinate.exceptions.ConnectorException, OSError) as error:
            log.warning("the database is away (%s); trying again", error)
        await _pause(ended, 2)


async def _work(concurrency: int, queues: list[str]) -> None:
    with queue.replace_connector(connector()) as app:
        async with app.open_async():
            await app.run_worker_async(
                queues=queues,
                concurrency=concurrency,
                install_signal_handlers=False,
                shutdown_graceful_timeout=30,
                fetch_job_polling_interval=1,
                delete_jobs="successful",
            )


async def _pause(ended: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(ended.wait(), seconds)
    except TimeoutError:
        return
