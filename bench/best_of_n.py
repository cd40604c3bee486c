"""Best-of-N of 500 problems x 1,860 scored solutions, for every N, against shuffling.

    python bench/best_of_n.py [--problems 500] [--solutions 1860] [--shuffles 5]

Exact: app.evaluation.best_of_n, all 1,860 points of the curve, ties included. Shuffling: the method of
PRM800K's evaluation, which shuffles 400 times, in plain Python: the solutions of each problem in random
order, and the best solution so far for each N. Times a few shuffles, multiplies, and compares their mean with
the exact curve."""

from __future__ import annotations

import argparse
import random
import statistics
import time

import numpy as np

from app.evaluation.best_of_n import best_of_n

SHUFFLES = 400


def pool(problems: int, solutions: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Problems of every difficulty; a verifier that is better than chance and sometimes ties."""
    rng = np.random.default_rng(0)
    right = rng.random((problems, solutions)) < rng.beta(1, 2, (problems, 1))
    scores = np.round(rng.normal(size=right.shape) + 1.2 * right, 3)
    return list(scores), list(right)


def shuffled(scores: list[list[float]], right: list[list[bool]]) -> list[float]:
    """One shuffle of everything: the share of problems whose best so far is right, by N."""
    hits = [0] * len(scores[0])
    for score, good in zip(scores, right, strict=True):
        order = list(range(len(score)))
        random.shuffle(order)
        best, so_far = float("-inf"), False
        for n, place in enumerate(order):
            if score[place] > best:
                best, so_far = score[place], good[place]
            hits[n] += so_far
    return [hit / len(scores) for hit in hits]


def main() -> None:
    parse = argparse.ArgumentParser()
    parse.add_argument("--problems", type=int, default=500)
    parse.add_argument("--solutions", type=int, default=1860)
    parse.add_argument("--shuffles", type=int, default=5)
    arguments = parse.parse_args()
    scores, right = pool(arguments.problems, arguments.solutions)
    n = np.arange(1, arguments.solutions + 1)
    took = []
    for _ in range(3):
        start = time.perf_counter()
        curve = best_of_n(scores, right, n).mean(axis=0)
        took.append(time.perf_counter() - start)
    exact = statistics.median(took)
    as_lists = [row.tolist() for row in scores], [row.tolist() for row in right]
    start = time.perf_counter()
    drawn = np.array([shuffled(*as_lists) for _ in range(arguments.shuffles)])
    seconds = (time.perf_counter() - start) / arguments.shuffles
    off = float(np.abs(drawn.mean(axis=0) - curve).max())
    print(f"{arguments.problems} problems x {arguments.solutions} scores, every N")
    print(f"exact                    {exact:8.2f} s   best of {arguments.solutions}: {curve[-1]:.4f}")
    print(f"one shuffle              {seconds:8.2f} s   {arguments.shuffles} timed")
    print(
        f"{SHUFFLES} shuffles {SHUFFLES * seconds:20.0f} s   {SHUFFLES * seconds / exact:,.0f} times as long"
    )
    print(f"largest gap to the mean of {arguments.shuffles} shuffles: {off:.4f}")


if __name__ == "__main__":
    main()
