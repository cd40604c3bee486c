"""The process that searches: `python -m app.lab.process RUN_ID FENCE`."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from app.answers.prover_process import ProverProcess
from app.core.db import transaction
from app.core.run_lifecycle import record_failure
from app.core.subprocess_jobs import STOPPED
from app.generators.config import parse
from app.generators.models import Generator
from app.generators.sampler import SamplerError, SamplerRejected, SamplingStopped, open_sampler
from app.generators.transformers_sampler import TransformersSampler
from app.lab import budget_sweep, single_search
from app.lab.generator_proposer import GeneratorProposer
from app.lab.model_scorer import ModelScorer, count_parameters
from app.lab.models import SearchRun
from app.lab.search_context import SearchContext, SearchEnded
from app.prm.config import ScoreConfig
from app.settings import settings
from app.training.models import Model


def main(run_id: int, fence: int) -> int:
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    return run_search_process(run_id, fence, stopping)


def run_search_process(run_id: int, fence: int, stopping: threading.Event) -> int:
    """0 when it is over, 2 when it cannot be or is not wanted any more, 3 when asked to end."""
    try:
        with open_context(run_id, fence, stopping) as ready:
            (single_search.run_single_search if ready.problem_id else budget_sweep.run_sweep)(run_id, ready)
    except (SamplingStopped, SearchEnded):
        return STOPPED if stopping.is_set() else 2
    except SamplerError as error:
        with transaction() as db:
            record_failure(db, run_id, fence, str(error), final=True)
        return 2
    return 0


@contextmanager
def open_context(run_id: int, fence: int, stopping: threading.Event) -> Iterator[SearchContext]:
    """Generator, model and grader of the run, opened."""
    with transaction() as db:
        run = db.get_one(SearchRun, run_id)
        generator = db.get_one(Generator, run.generator_id)
        folder = settings().models_dir / db.get_one(Model, run.model_id).path
    try:
        judge = ModelScorer(folder, ScoreConfig())
    except (OSError, ValueError) as error:
        raise SamplerRejected(f"The model was not loaded: {error}") from error
    sampler = open_sampler(generator, stopping)
    config = parse(generator.config)
    local = count_parameters(sampler.model) if isinstance(sampler, TransformersSampler) else None
    proposer = GeneratorProposer(sampler, config)
    try:
        with ProverProcess() as prover:
            yield SearchContext(
                proposer, judge, prover, config.step_separator, stopping, run.problem_id, local, fence
            )
    finally:
        proposer.close()
        sampler.close()


if __name__ == "__main__":
    code = main(int(sys.argv[1]), int(sys.argv[2]))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # a request that is still out there is not waited for
