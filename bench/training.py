"""Training a PRM: Stepmark against TRL's PRMTrainer on the same labels, model and machine.

    python bench/training.py --trl-python VENV/bin/python [--data FILE.jsonl] [--solutions 160]

VENV has trl==1.13.0, the last release with `trl.experimental.prm`, beside the same torch. Both take
optimiser steps of 32 rows in float32 with a Qwen2 of 5 million random weights; the first step of
each is not timed. Two sets of labels:

* solutions:    eight solutions a problem, every step labeled
* alternatives: at each position three more candidates are labeled under the same prefix, as in
                PRM800K's phase 1. For TRL each is a row of its own, its prefix in the prompt.

FILE.jsonl is as in bench/scoring.py. Labels are drawn at random: speed does not depend on them."""

from __future__ import annotations

import argparse
import json
import logging
import random
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))
PER_STEP, MICRO, LENGTH = 32, 8, 1024
Row = dict[str, Any]
"""problem, steps, targets: -1, 1 or None where a step carries no label."""


def labeled(pool: list[tuple[str, list[str]]], alternatives: int) -> list[Row]:
    draw = random.Random(5)  # noqa: S311
    rows = []
    for problem, steps in pool:
        rows.append({"problem": problem, "steps": steps, "targets": [draw.choice((1, 1, -1)) for _ in steps]})
        for position in range(len(steps) if alternatives else 0):
            for _ in range(alternatives):
                other = draw.choice(draw.choice(pool)[1])
                chain = [*steps[:position], other]
                rows.append(
                    {
                        "problem": problem,
                        "steps": chain,
                        "targets": [None] * position + [draw.choice((1, -1))],
                    }
                )
    return rows


def ours(rows: list[Row], base: Path, **options: Any) -> dict[str, float]:
    from app.prm.config import TrainConfig
    from app.prm.examples import Example
    from app.prm.train import train

    config = TrainConfig().replace(
        base=str(base), max_length=LENGTH, epochs=1.0, evaluations=0, device="cpu",
        batch_size=PER_STEP, checkpoint_seconds=3600.0, **options,
    )  # fmt: skip
    clock: list[float] = []
    examples = [Example(row["problem"], row["steps"], row["targets"]) for row in rows]

    def tick() -> None:
        clock.append(time.perf_counter())

    with TemporaryDirectory() as folder:
        reports: list[dict[str, Any]] = []
        train(config, examples, Path(folder), reports.append, tick, "")
        end = time.perf_counter()
    share = (len(clock) - 1) / len(clock)
    return {"seconds": end - clock[1], "share": share}


def theirs(rows: list[Row], base: Path) -> dict[str, float]:
    """Runs in the other environment: see `main`."""
    import os

    os.environ["TRL_EXPERIMENTAL_SILENCE"] = "1"
    from datasets import Dataset
    from transformers import AutoModelForTokenClassification, PreTrainedTokenizerFast, TrainerCallback
    from trl.experimental.prm import PRMConfig, PRMTrainer

    class Clock(TrainerCallback):
        times: list[float] = []  # noqa: RUF012

        def on_step_begin(self, *_: object, **__: object) -> None:
            self.times.append(time.perf_counter())

    def theirs_row(row: Row) -> Row:
        labeled = [index for index, target in enumerate(row["targets"]) if target is not None]
        lines = [row["problem"], *row["steps"][: labeled[0]]]
        return {"prompt": "\n".join(lines) + "\n", "completions": row["steps"][labeled[0] :],
                "labels": [target == 1 for target in row["targets"][labeled[0] :]]}  # fmt: skip

    with TemporaryDirectory() as folder:
        config = PRMConfig(
            output_dir=folder, per_device_train_batch_size=MICRO, num_train_epochs=1, use_cpu=True,
            gradient_accumulation_steps=PER_STEP // MICRO, max_length=LENGTH, max_completion_length=None,
            save_strategy="no", report_to=[], disable_tqdm=True, logging_steps=1000, bf16=False,
            gradient_checkpointing=False,
        )  # fmt: skip
        model = AutoModelForTokenClassification.from_pretrained(base, num_labels=2)
        clock = Clock()
        trainer = PRMTrainer(
            model=model, args=config, callbacks=[clock],
            train_dataset=Dataset.from_list([theirs_row(row) for row in rows]),
            processing_class=PreTrainedTokenizerFast.from_pretrained(base),
        )  # fmt: skip
        trainer.train()
        end = time.perf_counter()
    return {"seconds": end - clock.times[1], "share": (len(clock.times) - 1) / len(clock.times)}


def base_model(pool: list[tuple[str, list[str]]], folder: Path) -> None:
    import torch
    from transformers import AutoModel, Qwen2Config

    from app.prm.encoding import train_tokenizer

    tokenizer = train_tokenizer([piece for problem, steps in pool for piece in (problem, *steps)], 8192)
    torch.manual_seed(0)
    AutoModel.from_config(
        Qwen2Config(vocab_size=len(tokenizer), hidden_size=256, intermediate_size=768, num_hidden_layers=4,
                    num_attention_heads=8, num_key_value_heads=4, max_position_embeddings=LENGTH,
                    pad_token_id=tokenizer.pad_token_id, bos_token_id=None, eos_token_id=None)
    ).save_pretrained(folder)  # fmt: skip
    tokenizer.save_pretrained(folder)


def fitting(pool: list[tuple[str, list[str]]], base: Path) -> list[tuple[str, list[str]]]:
    """Solutions that neither side has to cut."""
    from app.prm.checkpoint import load_tokenizer
    from app.prm.encoding import Encoder

    encoder = Encoder(load_tokenizer(str(base), None), 10**6)
    return [solution for solution in pool if len(encoder.encode(*solution).ids) <= LENGTH - 50]


def elsewhere(python: Path, rows: list[Row], base: Path, place: Path) -> dict[str, float]:
    (place / "rows.json").write_text(json.dumps(rows))
    command = [str(python), __file__, "--theirs", str(place / "rows.json"), "--base", str(base)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"TRL failed:\n{done.stderr[-3000:]}")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trl-python", type=Path)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--solutions", type=int, default=160)
    parser.add_argument("--theirs", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--base", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    logging.disable(logging.WARNING)
    if arguments.theirs:
        print(json.dumps(theirs(json.loads(arguments.theirs.read_text()), arguments.base)))
        return
    from bench.scoring import made, real

    pool = real(arguments.data) if arguments.data else made()
    with TemporaryDirectory() as folder:
        place = Path(folder)
        base_model(pool, place / "base")
        pool = fitting(pool, place / "base")
        print("| labels | rows | trainer | labeled steps/s | of TRL |\n|---|---:|---|---:|---:|", flush=True)
        few = pool[: max(4, arguments.solutions // 16)]
        for name, chosen, more in (("solutions", pool[: arguments.solutions], 0), ("alternatives", few, 3)):
            rows = labeled(chosen, more)
            count = sum(target is not None for row in rows for target in row["targets"])
            results = {
                "Stepmark": ours(rows, place / "base"),
                "Stepmark, a problem's solutions together": ours(rows, place / "base", group_by="problem"),
                "Stepmark, padded": ours(rows, place / "base", layout="padded"),
            }
            if arguments.trl_python:
                results["TRL 1.13.0"] = elsewhere(arguments.trl_python, rows, place / "base", place)
            speed = {which: count * result["share"] / result["seconds"] for which, result in results.items()}
            for which, rate in speed.items():
                ratio = f"{rate / speed['TRL 1.13.0']:.1f}" if arguments.trl_python else ""
                print(f"| {name} | {len(rows)} | {which} | {rate:.1f} | {ratio} |", flush=True)


if __name__ == "__main__":
    main()
