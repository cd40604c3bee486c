"""Compares selection policies in the small worlds, with intervals over seeds and problems. Prints the tables
of docs/evidence.md.

    python bench/policy_simulations.py --out FOLDER                   three worlds, two seeds
    python bench/policy_simulations.py --out FOLDER --part noise      one changed option; see PARTS
    python bench/policy_simulations.py --out FOLDER --size medium     as `stepmark simulate`; or large

Every part, world and seed is a simulation in a folder of its own, as `stepmark simulate` makes it. Run the
command again to continue after an interruption."""

from __future__ import annotations

import argparse
import json
import multiprocessing
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

WORLDS = ("chains", "lineage", "misprints")
OTHER_WORLDS = ("knockout", "ordering")
MAIN = ("random", "lightman_80_20_fixed", "uncertain_steps", "contradictions")
OTHER_POLICIES = (
    "random",
    "lightman_80_20",
    "lightman_80_20_gated",
    "wrong_by_step",
    "uncertain_solution",
    "first_error_entropy",
    "hard_problems",
)
FEW = ("random", "lightman_80_20_fixed", "uncertain_steps")


@dataclass(frozen=True)
class Part:
    """Simulations that differ from the main ones by these options."""

    name: str
    policies: tuple[str, ...]
    options: dict[str, Any]
    large_prm_solutions: int = 0
    """Above 0: a large PRM, trained on so many labeled solutions, labels in the place of the world."""


def without_extra(**options: Any) -> dict[str, Any]:
    return {**options, "random_extra_budgets": []}


PARTS: dict[str, list[Part]] = {
    "main": [Part("main", MAIN, {})],
    "policies": [Part("main", OTHER_POLICIES, {})],
    "noise": [Part(f"noise-{share}", FEW, without_extra(label_noise=share)) for share in (0.05, 0.2)],
    "references": [
        Part(f"references-{share}", FEW, without_extra(wrong_references=share)) for share in (0.05, 0.2)
    ],
    "generator": [Part("generator", FEW, without_extra(pool_writer_train_steps=900))],
    "synthetic": [Part("synthetic", FEW, without_extra(), large_prm_solutions=4000)],
}
SIZES: dict[str, dict[str, Any]] = {
    "tiny": {"writer_train_steps": 40, "layers": 1, "pool_problems": 40, "validation_problems": 6,
             "pool_samples": 4, "test_problems": 6, "shifted_problems": 4, "test_samples": 4,
             "initial_labels": 6, "budgets": ["6", "12"], "random_extra_budgets": ["18"], "epochs": 0.5},
    "small": {"pool_problems": 1200, "test_problems": 200, "shifted_problems": 10,
              "budgets": ["60", "120", "240", "480", "960"], "random_extra_budgets": ["1920", "3000"]},
    "medium": {},
    "large": {"pool_problems": 6000, "pool_samples": 64, "test_problems": 500,
              "budgets": ["60", "120", "240", "480", "960", "1920", "3840", "7680"]},
}  # fmt: skip


@dataclass(frozen=True)
class Job:
    """One simulation."""

    options: dict[str, Any]
    policies: tuple[str, ...]
    folder: Path
    writer: Path | None
    """The folder of a writer that all seeds of a world share."""
    large_prm_solutions: int

    def run(self) -> tuple[Path, float]:
        from app.simulation.run import simulate_seed
        from bench.large_prm_labels import simulate_with_large_prm

        self.folder.mkdir(parents=True, exist_ok=True)
        if self.writer:
            self.copy_writer(self.writer)
        with log_progress(self.folder / "log.txt") as (report, started):
            config = parse_options(self.options)
            if self.large_prm_solutions:
                solutions = self.large_prm_solutions
                simulate_with_large_prm(config, solutions, self.policies, self.folder, report)
            else:
                simulate_seed(config, self.policies, self.folder, report)
        return self.folder, time.monotonic() - started

    def copy_writer(self, writer: Path) -> None:
        while not writer.is_dir():
            time.sleep(1)  # another process trains it: its task started before this one
        if not (self.folder / "base").is_dir():
            shutil.copytree(writer, self.folder / "copied", dirs_exist_ok=True)
            (self.folder / "copied").replace(self.folder / "base")

    def train_writer(self) -> tuple[Path, float]:
        """Seeds that share a writer differ in problems, samples, selection and training."""
        from app.simulation.datasets import prepare_writer

        assert self.writer is not None
        with log_progress(self.writer.with_suffix(".txt")) as (report, started):
            config = parse_options(self.options)
            prepare_writer(config, self.writer, config.writer_train_steps, report)
        return self.writer, time.monotonic() - started


def main() -> None:
    arguments = parse_arguments()
    parts = [part for name in arguments.part for part in PARTS[name]]
    if arguments.policy:
        policies = ("random", *arguments.policy)
        parts = [Part(part.name, policies, part.options, part.large_prm_solutions) for part in parts]
    arguments.out.mkdir(parents=True, exist_ok=True)
    run_jobs(build_jobs(parts, arguments), arguments.processes)
    for part in parts:
        for world in arguments.world:
            print_tables(arguments.out, part, world, arguments.seeds)
        print_world_table(arguments.out, part)


def build_jobs(parts: Sequence[Part], arguments: argparse.Namespace) -> list[Job]:
    """Parts with the same name share their simulations."""
    jobs: dict[Path, Job] = {}
    for part in parts:
        for world in arguments.world:
            for seed in range(arguments.seeds):
                folder = arguments.out / f"{part.name}-{world}-{seed}"
                others = jobs[folder].policies if folder in jobs else ()
                jobs[folder] = Job(
                    {**SIZES[arguments.size], **part.options, "world": world, "seed": seed},
                    tuple(dict.fromkeys((*others, *part.policies))),
                    folder,
                    None if arguments.own_writers else arguments.out / f"writer-{world}",
                    part.large_prm_solutions,
                )
    return list(jobs.values())


def run_jobs(jobs: Sequence[Job], processes: int) -> None:
    started = time.monotonic()
    writers: dict[Path, Job] = {}
    for job in jobs:
        if job.writer:
            writers.setdefault(job.writer, job)
    tasks = [(job, "train_writer") for job in writers.values()] + [(job, "run") for job in jobs]
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        for folder, seconds in pool.imap_unordered(run_task, tasks):
            print(f"{time.monotonic() - started:7.0f} s  {folder}: {seconds:.0f} s", flush=True)


def run_task(task: tuple[Job, str]) -> tuple[Path, float]:
    job, method = task
    result: tuple[Path, float] = getattr(job, method)()
    return result


def print_tables(out: Path, part: Part, world: str, seeds: int) -> None:
    from app.simulation.summary import summarize
    from bench import policy_tables
    from bench.policy_curves import draw_curves

    folders = [out / f"{part.name}-{world}-{seed}" for seed in range(seeds)]
    for test in ("plain", "shifted"):
        summary = summarize(folders, part.policies, test)
        steps = policy_tables.step_accuracies(folders, part.policies, test)
        target = out / f"{part.name}-{world}-{test}"
        target.mkdir(exist_ok=True)
        draw_curves(summary, target)
        (target / "result.json").write_text(json.dumps({**summary, "step_accuracy": steps}, indent=1))
        print(f"\n{part.name}, {test}, {seeds} seeds\n")
        tables = (
            policy_tables.label_table(summary),
            policy_tables.step_table(summary, steps),
            policy_tables.n_table(summary),
        )
        for table in tables:
            print(*table, "", sep="\n", flush=True)


def print_world_table(out: Path, part: Part) -> None:
    from bench import policy_tables

    worlds = {
        world: folders
        for world in (*WORLDS, *OTHER_WORLDS)
        if (folders := policy_tables.find_complete_folders(out, part.name, world, part.policies))
    }
    policies = [policy for policy in part.policies if policy != "random"]
    efficiencies = policy_tables.efficiency_over_worlds(list(worlds.values()), policies)
    labels = [f"{world} ({len(folders)})" for world, folders in worlds.items()]
    print(f"\n{part.name}, over all simulations in {out}\n")
    print(*policy_tables.world_table(efficiencies, labels), sep="\n", flush=True)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--part", nargs="+", choices=PARTS, default=["main"])
    parser.add_argument("--world", nargs="+", choices=(*WORLDS, *OTHER_WORLDS), default=list(WORLDS))
    parser.add_argument("--policy", nargs="+", help="Only these policies of a part, and random.")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--size", choices=SIZES, default="small")
    parser.add_argument("--own-writers", action="store_true", help="Train a writer for every seed.")
    parser.add_argument("--processes", type=int, default=2)
    return parser.parse_args()


def parse_options(options: dict[str, Any]) -> Any:
    import torch
    from transformers.utils.logging import disable_progress_bar

    from app.simulation.config import SimulationConfig

    torch.set_num_threads(1)
    disable_progress_bar()
    return SimulationConfig.parse(options)


@contextmanager
def log_progress(path: Path) -> Iterator[tuple[Callable[[dict[str, Any]], None], float]]:
    started = time.monotonic()
    with path.open("a") as log:

        def report(progress: dict[str, Any]) -> None:
            log.write(f"{time.monotonic() - started:7.0f} s  {progress}\n")
            log.flush()

        yield report, started


if __name__ == "__main__":
    main()
