# ruff: noqa: E501
"""Our Dawid-Skene beside crowd-kit's, which runs in an environment of its own, on the same made crowds:
how many steps get the same rating, how far the probabilities lie apart, and the seconds of each.

    python -m venv VENV && VENV/bin/pip install crowd-kit
    PYTHONPATH=. python bench/dawid_skene.py --crowd-kit-python VENV/bin/python [--steps 20000]"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import time
from collections import Counter

from app.training.dawid_skene import StepRatings, fit

THEIRS = """
import json, sys, time
import pandas as pd
from crowdkit.aggregation import DawidSkene
rows = json.load(sys.stdin)
begun = time.perf_counter()
made = DawidSkene(n_iter=500, tol=1e-9)
made.fit(pd.DataFrame(rows, columns=["task", "worker", "label"]))
seconds = time.perf_counter() - begun
probas = made.probas_.sort_index()
print(json.dumps([seconds, list(map(int, probas.columns)), probas.to_numpy().tolist()]))
"""


def crowd(steps: int, people: int, overlap: int, seed: int) -> list[StepRatings]:
    """Everyone has a confusion of their own between 65 % and 97 % right."""
    chance = random.Random(seed)  # noqa: S311  made data
    right = [chance.uniform(0.65, 0.97) for _ in range(people)]
    crowd_ratings: list[StepRatings] = []
    for _ in range(steps):
        true = chance.choices((1, 0, -1), (0.8, 0.1, 0.1))[0]
        who = chance.sample(range(people), overlap)
        crowd_ratings.append(
            tuple(
                sorted(
                    (person, true if chance.random() < right[person] else chance.choice((-1, 0, 1)))
                    for person in who
                )
            )
        )
    return crowd_ratings


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--crowd-kit-python", required=True)
    parser.add_argument("--steps", type=int, default=20_000)
    options = parser.parse_args()
    print(
        "| people | labelers a step | steps | same rating | largest difference of a probability | ours, s | crowd-kit, s |"
    )
    print("|---:|---:|---:|---:|---:|---:|---:|")
    for people, overlap in ((5, 5), (10, 3), (40, 3)):
        ratings = crowd(options.steps, people, overlap, seed=people)
        begun = time.perf_counter()
        fitted = fit(Counter((step, None) for step in ratings), prior=0, tolerance=1e-9, most=500)
        ours = time.perf_counter() - begun
        rows = [(at, who, rating) for at, step in enumerate(ratings) for who, rating in step]
        theirs, columns, probas = json.loads(
            subprocess.run(
                [options.crowd_kit_python, "-c", THEIRS], input=json.dumps(rows), text=True, check=True,
                capture_output=True,
            ).stdout
        )  # fmt: skip
        posteriors = [fitted.posterior(step) for step in ratings]
        apart = max(
            abs(posterior[rating] - other[at])
            for posterior, other in zip(posteriors, probas, strict=True)
            for at, rating in enumerate(columns)
        )
        same = sum(
            max(posterior, key=lambda rating: posterior[rating]) == columns[other.index(max(other))]
            for posterior, other in zip(posteriors, probas, strict=True)
        )
        print(
            f"| {people} | {overlap} | {len(ratings):,} | {100 * same / len(ratings):.2f} % | {apart:.1e} | {ours:.1f} | {theirs:.1f} |"
        )


if __name__ == "__main__":
    main()
