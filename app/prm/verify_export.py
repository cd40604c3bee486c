"""The check before a model is published or exported: a process without Stepmark loads the folder with plain
transformers, by the Python in its README, and its scores must equal Stepmark's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from app.prm import checkpoint
from app.prm.batch_layout import build_padded_batch
from app.prm.checkpoint_safety import BadCheckpoint
from app.prm.encoding import Encoder

TOLERANCE = 1e-5
"""Largest difference of a probability, in float32."""
MOST_SOLUTIONS = 100
MOST_TOKENS = 8_192
"""Of all solutions together; the first one that fits the model is always read."""
SECONDS = 1_800
LOOP = """
import json, sys
print(json.dumps([score{arguments} for {names} in json.load(sys.stdin)]))
"""
Probabilities = list[list[list[float]]]
"""By solution, step and label."""


@dataclass(frozen=True)
class ScoredSolution:
    """A solution as text and tokens, with the probabilities that Stepmark computes."""

    problem: str
    steps: list[str]
    ids: list[int]
    ends: list[int]
    probabilities: list[list[float]]


def verify_export(folder: Path, solutions: Sequence[tuple[str, Sequence[str]]]) -> int:
    """The number of compared solutions: the first ones that fit the model, at most MOST_SOLUTIONS. Raises
    BadCheckpoint if the folder cannot be loaded or a score differs."""
    loaded = checkpoint.load(folder)
    if (folder / checkpoint.HEAD).exists():
        raise BadCheckpoint("transformers has no class for the head of this model")
    scored, text = score_solutions(loaded, solutions), loaded.card["text"]
    reader = checkpoint.render_folder_reader(loaded.card, loaded.tokenizer)
    del loaded  # the other process needs the memory
    compare_scores(scored, f"folder = {str(folder.resolve())!r}\n{reader}", text)
    return len(scored)


@torch.no_grad()
def score_solutions(
    loaded: checkpoint.LoadedModel, solutions: Sequence[tuple[str, Sequence[str]]]
) -> list[ScoredSolution]:
    """The first solutions that fit the model, one padded row each, on the CPU in float32."""
    encoder = Encoder(loaded.tokenizer, loaded.config.max_length, loaded.text_format)
    scored: list[ScoredSolution] = []
    tokens = 0
    for problem, steps in solutions[:MOST_SOLUTIONS]:
        row = encoder.encode(problem, steps)
        if len(row.ends) < len(steps) or not steps:
            continue
        tokens += len(row.ids)
        if scored and tokens > MOST_TOKENS:
            break
        outputs = loaded.model(build_padded_batch([row], int(loaded.tokenizer.pad_token_id)))
        probabilities = _label_probabilities(loaded, outputs)
        scored.append(ScoredSolution(problem, list(steps), row.ids, row.ends, probabilities))
    return scored


def _label_probabilities(loaded: checkpoint.LoadedModel, outputs: torch.Tensor) -> list[list[float]]:
    """The probabilities of the classifier's labels: each step's, or the last one for an outcome model."""
    probs = loaded.model.objective.probabilities(outputs)
    if loaded.model.objective.kind == "orm":
        return [[float(probs[-1, 2])]]
    columns = [0, 1, 2] if loaded.model.objective.outputs == 3 else [0, 2]
    return [[float(row[column]) for column in columns] for row in probs]


def compare_scores(scored: Sequence[ScoredSolution], reader: str, text: dict[str, Any]) -> None:
    """Raises BadCheckpoint if a process that runs `reader` computes other probabilities. A model that reads
    lines gets the text, so that tokenization is compared too; another gets the tokens."""
    if not scored:
        return
    if text["layout"] == "lines":
        loop = LOOP.format(arguments="(problem, steps)", names="problem, steps")
        actual = run_reader(reader + loop, [(solution.problem, solution.steps) for solution in scored])
    else:
        loop = LOOP.format(arguments="_ids(ids, ends)", names="ids, ends")
        actual = run_reader(reader + loop, [(solution.ids, solution.ends) for solution in scored])
    difference = _largest_difference([solution.probabilities for solution in scored], actual)
    if difference > TOLERANCE:
        raise BadCheckpoint(
            f"plain transformers scores this model differently (by {difference:.2g}); it is not published"
        )


def run_reader(script: str, data: Any) -> Probabilities:
    """What `script` prints in a process that imports nothing of Stepmark. Raises BadCheckpoint."""
    done = subprocess.run(
        [sys.executable, "-I", "-c", script],
        input=json.dumps(data).encode(),
        capture_output=True,
        cwd="/",
        env={**os.environ, "HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": ""},
        timeout=SECONDS,
        check=False,
    )
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        raise BadCheckpoint(f"plain transformers cannot read this model: {lines[-1] if lines else ''}")
    scores: Probabilities = json.loads(done.stdout.decode().strip().splitlines()[-1])
    return scores


def _largest_difference(expected: Probabilities, actual: Probabilities) -> float:
    """Infinite if the shapes differ."""
    first, second = (
        [value for steps in scores for labels in steps for value in labels] for scores in (expected, actual)
    )
    if len(first) != len(second):
        return float("inf")
    return max((abs(left - right) for left, right in zip(first, second, strict=True)), default=0.0)
