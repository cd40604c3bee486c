"""The paper's claims in the small worlds, as figures with intervals over seeds and problems.

    python bench/policy_simulations.py --out FOLDER                   the small form: three worlds, two seeds
    python bench/policy_simulations.py --out FOLDER --part noise      one knob; see PARTS
    python bench/policy_simulations.py --out FOLDER --size medium     as `stepmark simulate` has it; or large

Every (part, world, seed) is a simulation in a folder of its own, `stepmark simulate` would make the
same: killed and started again, this goes on. Prints the tables of docs/evidence.md."""

from __future__ import annotations

import argparse
import json
import multiprocessing
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

WORLDS = ("chains", "lineage", "misprints")
OTHERS = ("knockout", "ordering")
MAIN = ("random", "lightman_80_20_fixed", "uncertain_steps", "contradictions")
REST = (
    "random",
    "lightman_80_20",
    "lightman_80_20_gated",
    "wrong_by_step",
    "uncertain_solution",
    "first_error_entropy",
    "hard_problems",
)
FEW = ("random", "lightman_80_20_fixed", "uncertain_steps")
NO_MORE: dict[str, Any] = {"further": []}
PARTS: dict[str, dict[str, tuple[dict[str, Any], tuple[str, ...]]]] = {
    "main": {"main": ({}, MAIN)},
    "policies": {"main": ({}, REST)},
    "noise": {f"noise-{rate}": ({"noise": rate, **NO_MORE}, FEW) for rate in (0.05, 0.2)},
    "references": {
        f"references-{rate}": ({"wrong_references": rate, **NO_MORE}, FEW) for rate in (0.05, 0.2)
    },
    "generator": {"generator": ({"pool_reading_steps": 900, **NO_MORE}, FEW)},
    "synthetic": {"synthetic": ({"teacher_solutions": 4000, **NO_MORE}, FEW)},
}
SIZES: dict[str, dict[str, Any]] = {
    "small": {"pool_problems": 1200, "test_problems": 200, "shifted_problems": 10,
              "budgets": ["60", "120", "240", "480", "960"], "further": ["1920", "3000"]},
    "medium": {},
    "large": {"pool_problems": 6000, "pool_samples": 64, "test_problems": 500,
              "budgets": ["60", "120", "240", "480", "960", "1920", "3840", "7680"]},
}  # fmt: skip


def main() -> None:
    asked = _asked()
    parts = {part: PARTS[part] for part in asked.part}
    if asked.policy:
        only = ("random", *asked.policy)
        parts = {
            part: {name: (changed, only) for name, (changed, _) in runs.items()}
            for part, runs in parts.items()
        }
    jobs: dict[Path, Job] = {}
    for runs in parts.values():
        for name, (changed, policies) in runs.items():
            for world in asked.world:
                for seed in range(asked.seeds):
                    setting = {**SIZES[asked.size], **changed, "world": world, "seed": seed}
                    folder = asked.out / f"{name}-{world}-{seed}"
                    others = jobs[folder][1] if folder in jobs else ()
                    both = tuple(dict.fromkeys((*others, *policies)))
                    shared = None if asked.own_writers else asked.out / f"writer-{world}"
                    jobs[folder] = (setting, both, folder, shared)
    writers: dict[Path, Job] = {}
    for job in jobs.values():
        if job[3]:
            writers.setdefault(job[3], job)  # in the order in which they will be needed
    asked.out.mkdir(parents=True, exist_ok=True)
    begun = time.monotonic()
    tasks = [(_read, job) for job in writers.values()] + [(_play, job) for job in jobs.values()]
    with multiprocessing.get_context("spawn").Pool(asked.processes) as pool:
        for folder, seconds in pool.imap_unordered(_do, tasks):
            print(f"{time.monotonic() - begun:7.0f} s  {folder}: {seconds:.0f} s", flush=True)
    from app.simulation import summary

    for runs in parts.values():
        for name, (_, policies) in runs.items():
            for world in asked.world:
                folders = [asked.out / f"{name}-{world}-{seed}" for seed in range(asked.seeds)]
                for test in ("plain", "shifted"):
                    found = summary.of(folders, policies, test)
                    target = asked.out / f"{name}-{world}-{test}"
                    target.mkdir(exist_ok=True)
                    summary.draw(found, target)
                    (target / "result.json").write_text(json.dumps(found, indent=1))
                    print(f"\n{name}, {test}, {asked.seeds} seeds\n")
                    print(
                        *by_labels(found),
                        *further(found),
                        "",
                        *by_steps(found),
                        "",
                        *by_n(found),
                        sep="\n",
                        flush=True,
                    )
            chosen = [policy for policy in policies if policy != "random"]
            worlds = {
                world: found
                for world in (*WORLDS, *OTHERS)
                if (found := whole(asked.out, name, world, policies))
            }
            print(f"\n{name}, over all that lies in {asked.out}\n")
            print(
                *over_worlds(
                    summary.over_worlds(list(worlds.values()), chosen),
                    [f"{world} ({len(folders)})" for world, folders in worlds.items()],
                ),
                sep="\n",
                flush=True,
            )


def whole(out: Path, name: str, world: str, policies: Sequence[str]) -> list[Path]:
    """The simulations in `out` that have every arm's last budget."""
    found = []
    for folder in sorted(out.glob(f"{name}-{world}-[0-9]*")):
        last = json.loads((folder / "setting.json").read_text())["budgets"][-1]
        if all((folder / "arms" / policy / f"{last}.json").is_file() for policy in policies):
            found.append(folder)
    return found


def over_worlds(worths: dict[str, dict[str, float | None]], worlds: Sequence[str]) -> list[str]:
    """What a label is worth by best-of-N over all worlds, with their seeds."""
    said = [f"| a label is worth | {', '.join(worlds)} |", "| --- | ---: |"]
    return said + [f"| {name} | {_worth(each)} |" for name, each in worths.items()]


def _worth(each: dict[str, float | None]) -> str:
    known = each["ratio"] is not None
    return f"{each['ratio']:.2f} ({each['low']:.2f} to {each['high']:.2f})" if known else "cannot be told"


def _head(found: dict[str, Any], what: str, last: str) -> list[str]:
    cells = [f"{found['world']}: {what}", *(f"{budget:,}" for budget in found["budgets"]), last]
    return [f"| {' | '.join(cells)} |", "| --- |" + " ---: |" * (len(cells) - 1)]


def by_labels(found: dict[str, Any]) -> list[str]:
    """Best of the largest N by labeled solutions, and what a label is worth."""
    said = _head(found, f"best of {found['n'][-1]}", "a label is worth")
    for name, each in found["policies"].items():
        worth = found.get("worth", {}).get(name)
        told = "1" if worth is None else _worth(worth)
        said.append(f"| {name} | " + " | ".join([*_cells(each["by_budget"]), told]) + " |")
    return said


def further(found: dict[str, Any]) -> list[str]:
    """What the random policy comes to with more labels than the others have."""
    if "further" not in found:
        return []
    cells = zip(found["further"]["budgets"], _cells(found["further"]), strict=True)
    more = [f"{cell} after {budget:,}" for budget, cell in cells if budget > found["budgets"][-1]]
    return ["", f"Random alone, further: {', '.join(more)} labels."]


def by_steps(found: dict[str, Any]) -> list[str]:
    """The share of steps that the PRM tells right from wrong by labeled solutions, and what a label is
    worth in these, by seed."""
    said = _head(found, "steps told right from wrong", "a label is worth, by seed")
    for name, each in found["steps_told"].items():
        worth = ", ".join("-" if one is None else f"{one:.2f}" for one in each.get("worth", []))
        said.append(f"| {name} | " + " | ".join([*(f"{100 * x:.1f}" for x in each["mean"]), worth]) + " |")
    return said


def by_n(found: dict[str, Any]) -> list[str]:
    """Best of N after the last labels, beside what needs no step label."""
    from app.simulation.config import REFERENCES

    places = range(0, len(found["n"]), 2)
    said = [
        f"| {found['world']}, after {found['budgets'][-1]:,} labels | "
        + " | ".join(f"N = {found['n'][place]}" for place in places)
        + " |",
        "| --- |" + " ---: |" * len(places),
    ]
    rows = {f"PRM, {name}": each["by_n"] for name, each in found["policies"].items()}
    rows |= {label: told[name] for name, label in REFERENCES.items() if name in (told := found["references"])}
    for label, each in rows.items():
        cells = _cells(each)
        said.append(f"| {label} | " + " | ".join(cells[place] for place in places) + " |")
    return said


def _cells(values: dict[str, list[float]]) -> list[str]:
    return [
        f"{100 * mean:.0f} ({100 * low:.0f} to {100 * high:.0f})"
        for mean, low, high in zip(values["mean"], values["low"], values["high"], strict=True)
    ]


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--part", nargs="+", choices=PARTS, default=["main"])
    parser.add_argument("--world", nargs="+", choices=(*WORLDS, *OTHERS), default=list(WORLDS))
    parser.add_argument("--policy", nargs="+", help="These alone, and random, of a part.")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--size", choices=SIZES, default="small")
    parser.add_argument("--own-writers", action="store_true", help="a writer for every seed")
    parser.add_argument("--processes", type=int, default=2)
    return parser.parse_args()


Job = tuple[dict[str, Any], tuple[str, ...], Path, Path | None]
"""A setting, its policies, its folder, and where its world's writer is or will be, if it shares one."""


def _do(task: tuple[Callable[[Job], tuple[Path, float]], Job]) -> tuple[Path, float]:
    work, job = task
    return work(job)


def _read(job: Job) -> tuple[Path, float]:
    """The writer of a world, which every seed begins with: what differs by seed are the problems, the
    samples, the choices and the training. `--own-writers` has one for every seed."""
    from app.simulation.datasets import the_writer

    setting, _, _, writer = job
    assert writer is not None  # only shared ones are made by themselves
    with _told(writer.with_suffix(".txt")) as (tell, begun):
        the_writer(_parsed(setting), writer, tell)
    return writer, time.monotonic() - begun


def _play(job: Job) -> tuple[Path, float]:
    from app.simulation.run import play

    setting, policies, folder, writer = job
    folder.mkdir(parents=True, exist_ok=True)
    while writer and not writer.is_dir():
        time.sleep(1)  # it is being made: its task was begun before this one
    if writer and not (folder / "base").is_dir():
        shutil.copytree(writer, folder / "copied", dirs_exist_ok=True)
        (folder / "copied").replace(folder / "base")
    with _told(folder / "log.txt") as (tell, begun):
        play(_parsed(setting), policies, folder, tell)
    return folder, time.monotonic() - begun


def _parsed(setting: dict[str, Any]) -> Any:
    import torch
    from transformers.utils.logging import disable_progress_bar

    from app.simulation.config import Setting

    torch.set_num_threads(1)
    disable_progress_bar()
    return Setting.parse(setting)


@contextmanager
def _told(path: Path) -> Iterator[tuple[Callable[[dict[str, Any]], None], float]]:
    begun = time.monotonic()
    with path.open("a") as log:

        def tell(said: dict[str, Any]) -> None:
            log.write(f"{time.monotonic() - begun:7.0f} s  {said}\n")
            log.flush()

        yield tell, begun


if __name__ == "__main__":
    main()
