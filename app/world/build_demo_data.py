"""Builds the demo data (app/world/demo_data). Takes some minutes on one core:

    python -m app.world.build_demo_data

Equal seeds give equal files on one machine with equal versions. Elsewhere the model is as good but not equal
to the last bit, so its solutions differ."""

from __future__ import annotations

import gzip
import hashlib
import json
import random
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import GenerationConfig

from app.common.atomic_files import write_json
from app.prm.device import set_threads
from app.world import demo_data
from app.world.demo_data.world import Digits, fingerprint
from app.world.kinds.base import PosedProblem
from app.world.writer.model import RIGHT, WRONG, Writer
from app.world.writer.sample import sample_solutions
from app.world.writer.train import TrainingSchedule, train_writer

SEED = 0
COURSE = TrainingSchedule(steps=1200)
SPLITS = {"train": 300, "validation": 100, "test": 60}
EACH = 8
TEMPERATURE = 0.8


def main() -> None:
    set_threads(1)
    world = Digits()
    writer = train_writer(world, COURSE, SEED, log)
    save(writer, demo_data.WRITER)
    write_pool(demo_data.POOL, solve_problems(world, Writer.load(demo_data.WRITER)))
    write_json(demo_data.MANIFEST, describe(world))
    print(f"{sum(file_size(path) for path in list_files()):,} bytes in {demo_data.FOLDER}")


def log(what: dict[str, Any]) -> None:
    message = f"{what['step']} of {what['steps']}: words {what['words']:.3f}, marks {what['marks']:.3f}"
    print(message, file=sys.stderr)


def save(writer: Writer, folder: Path) -> None:
    """As a complete language model: its output layer is its embedding, and it never writes marks."""
    token_ids = writer.tokenizer.get_vocab()
    never = [token_ids[word] for word in (writer.tokenizer.unk_token, RIGHT, WRONG)]
    writer.body.config.tie_word_embeddings = True
    writer.save(folder)
    ends = {
        f"{name}_token_id": getattr(writer.tokenizer, f"{name}_token_id") for name in ("pad", "bos", "eos")
    }
    GenerationConfig(suppress_tokens=never, **ends).save_pretrained(folder)


def solve_problems(world: Digits, writer: Writer) -> list[demo_data.Entry]:
    splits = [split for split, count in SPLITS.items() for _ in range(count)]
    posed = draw_problems(world, len(splits))
    sampled = sample_solutions(
        writer, [problem.statement for problem in posed], EACH, SEED, temperature=TEMPERATURE
    )
    return [
        demo_data.Entry(problem.statement, problem.answer, split, [steps for steps in solutions if steps])
        for problem, split, solutions in zip(posed, splits, sampled, strict=True)
    ]


def draw_problems(world: Digits, count: int) -> list[PosedProblem]:
    """Different problems."""
    chance = random.Random(f"shipped {SEED}")  # noqa: S311 - repeatable
    problems: dict[str, PosedProblem] = {}
    while len(problems) < count:
        posed = world.draw(chance)
        problems.setdefault(posed.statement, posed)
    return list(problems.values())


def write_pool(path: Path, entries: list[demo_data.Entry]) -> None:
    lines = "".join(json.dumps(asdict(entry), ensure_ascii=False) + "\n" for entry in entries)
    path.write_bytes(gzip.compress(lines.encode(), mtime=0))


def describe(world: Digits) -> dict[str, Any]:
    return {
        "world": fingerprint(world),
        "misprinted": fingerprint(world.misprinted),
        "seed": SEED,
        "course": asdict(COURSE),
        "splits": SPLITS,
        "each": EACH,
        "temperature": TEMPERATURE,
        "versions": {"torch": torch.__version__, "transformers": transformers.__version__},
        "sha256": {
            str(path.relative_to(demo_data.FOLDER)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in list_files()
        },
    }


def list_files() -> list[Path]:
    return [*sorted(path for path in demo_data.WRITER.iterdir()), demo_data.POOL]


def file_size(path: Path) -> int:
    return path.stat().st_size


if __name__ == "__main__":
    main()
