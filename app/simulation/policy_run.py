"""An arm: one policy, from the first labels to the last budget. Every budget's result is a file, so
that a simulation that was killed goes on where it stood."""

from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from app.common.atomic_files import write_json
from app.evaluation.best_of_n import best_of_n
from app.evaluation.votes import vote_accuracies
from app.prm.examples import Example
from app.prm.predict import SolutionScores
from app.selection.gate import FAILED, GateConfig, GateResult, ProblemAccuracy, check_selector
from app.selection.score_orders import ScoredSolution
from app.simulation import policy_ranking, synthetic_labels, training
from app.simulation.config import Setting
from app.simulation.datasets import Material, Report, Sampled, Steps
from app.simulation.policies import BASELINE, get_policy
from app.world.kinds import WORLDS
from app.world.kinds.base import final_answer, flip_ratings, up_to_first_error

N = np.array([1, 2, 4, 8, 16, 32, 64, 128, 256])
SUBSETS = 100


class Pool:
    """The pool as candidates, with what is known of each."""

    def __init__(self, setting: Setting, sampled: Sequence[Sampled]) -> None:
        self.setting, self.world = setting, WORLDS[setting.world]
        self.rows: list[tuple[int, Steps]] = []
        self.texts: dict[int, Steps] = {}
        self.sampled = sampled
        self.taught: synthetic_labels.Read = {}
        """By a teacher, if there is one, in place of the judge."""
        self.bare: list[ScoredSolution] = []
        queueable = len(sampled) - setting.validation_problems
        for problem, one in enumerate(sampled[:queueable]):
            for steps in one.samples:
                twin = hashlib.blake2b("\n".join(steps).encode(), digest_size=8).digest()
                self.bare.append(ScoredSolution(len(self.rows), problem, twin, one.verdict(steps), 0.0))
                self.texts[len(self.rows)] = steps
                self.rows.append((problem, steps))

    def candidates(
        self, scores: dict[training.Key, SolutionScores | None] | None
    ) -> tuple[list[ScoredSolution], policy_ranking.Probabilities]:
        """Those a selector could read, with their score; without a selector all, with none."""
        if scores is None:
            return [one for one in self.bare if one.verdict != "unparseable"], {}
        found, right = [], {}
        for one in self.bare:
            problem, steps = self.rows[one.solution_id]
            scored = scores.get((self.sampled[problem].posed.statement, steps))
            if scored is None or one.verdict == "unparseable":
                continue
            found.append(ScoredSolution(one.solution_id, problem, one.digest, one.verdict, scored.log_score))
            right[one.solution_id] = policy_ranking.correct(scored)
        return found, right

    def gate(self, scores: dict[training.Key, SolutionScores | None]) -> GateResult:
        """What the gate of a round would say of this selector, on the problems kept for that."""
        kept = self.sampled[len(self.sampled) - self.setting.validation_problems :]
        most = np.array([max(len(one.samples) for one in kept)])
        told = curves(self.setting, kept, scores, most)["best_of"]
        voted = [majority(one, most, self.setting.seed) for one in kept]
        problems = [
            ProblemAccuracy(len(one.samples), _blind(one), best[-1], float(vote[-1]))
            for one, best, vote in zip(kept, told, voted, strict=True)
        ]
        return check_selector(problems, int(most[0]), GateConfig(min_problems=2))

    def label(self, solution_id: int) -> Example:
        """By the judge, who may err, and stops at the first error."""
        problem, steps = self.rows[solution_id]
        posed = self.sampled[problem].posed
        if self.taught:
            return synthetic_labels.label(posed, steps, self.taught[posed.statement, steps])
        chance = random.Random(f"{self.setting.seed} label {solution_id}")  # noqa: S311
        ratings = up_to_first_error(flip_ratings(self.world.rate(posed, steps), self.setting.noise, chance))
        return Example(posed.statement, list(steps[: len(ratings)]), list(ratings))


def run(
    setting: Setting, policy: str, material: Material, folder: Path, report: Report
) -> list[dict[str, Any]]:
    """The results of every budget of the arm, in order."""
    pool, rules = Pool(setting, material.pool), get_policy(policy)
    arm = folder / "arms" / policy
    arm.mkdir(parents=True, exist_ok=True)
    if setting.teacher_solutions:
        pool.taught = synthetic_labels.read(setting, material, folder, report)
    queued = _first(setting, pool)
    scores, finding, found = None, None, []
    for budget in setting.counts_of(policy):
        path = arm / f"{budget}.json"
        if path.is_file():
            found.append(orjson.loads(path.read_bytes()))
            queued = found[-1]["queued"]
            continue
        if budget > len(queued):
            if policy != BASELINE and (scores is None or rules.retrains):
                selector = _model(setting, pool, material, folder, queued)
                report({"phase": f"{policy}: the selector reads the pool", "labels": len(queued)})
                scores = training.read(setting, selector, [material.pool])
                finding = pool.gate(scores)
            failed = rules.gated and finding is not None and finding.verdict == FAILED
            how = BASELINE if failed else policy
            queued = queued + _choice(setting, how, pool, scores, queued, budget - len(queued))
        report({"phase": f"{policy}: training", "labels": len(queued)})
        tests, seconds = _learned(setting, pool, material, folder, queued[:budget])
        result = {
            "policy": policy,
            "budget": budget,
            "queued": queued,
            "selector": finding.model_dump(exclude={"action"}) if finding else None,
            "negative": sum(-1 in pool.label(each).targets for each in queued),
            "tests": tests,
            "seconds": seconds,
        }
        write_json(path, result)
        found.append(result)
    return found


def _first(setting: Setting, pool: Pool) -> list[int]:
    """What every policy begins with: the same random draw, so that arms are paired."""
    return policy_ranking.select(
        BASELINE, pool.candidates(None)[0], setting.first, 1, setting.seed, {}, pool.texts
    )


def _model(setting: Setting, pool: Pool, material: Material, folder: Path, queued: list[int]) -> Path:
    """Taught by these labels; arms that have queued the same share it."""
    name = hashlib.blake2b(orjson.dumps(queued), digest_size=8).hexdigest()
    examples = [pool.label(each) for each in queued]
    return training.trained(setting, material.base, examples, folder / "models" / name)


def _learned(
    setting: Setting, pool: Pool, material: Material, folder: Path, queued: list[int]
) -> tuple[dict[str, Any], dict[str, float]]:
    """What the tests say of a model of these labels, and the seconds it took."""
    begun = time.monotonic()
    model = _model(setting, pool, material, folder, queued)
    trained = time.monotonic() - begun
    path = model.parent / "tests.json"
    if not path.is_file():
        write_json(path, judged(setting, model, material))
    read = time.monotonic() - begun - trained
    return orjson.loads(path.read_bytes()), {"training": round(trained, 1), "reading": round(read, 1)}


def _choice(
    setting: Setting,
    policy: str,
    pool: Pool,
    scores: dict[training.Key, SolutionScores | None] | None,
    queued: list[int],
    size: int,
) -> list[int]:
    candidates, right = pool.candidates(scores)
    return policy_ranking.select(
        policy,
        candidates,
        size,
        setting.per_problem,
        setting.seed * 7919 + len(queued),
        right,
        pool.texts,
        [pool.bare[each] for each in queued],
    )


def judged(setting: Setting, model: Path, material: Material) -> dict[str, Any]:
    """By test set: best-of-N, [problems][N], and how often the first error is found."""
    scores = training.read(setting, model, list(material.tests.values()))
    return {name: curves(setting, test, scores) for name, test in material.tests.items()}


def curves(
    setting: Setting,
    test: Sequence[Sampled],
    scores: dict[training.Key, SolutionScores | None],
    sizes: NDArray[np.int64] = N,
) -> dict[str, Any]:
    logs, right, truth = [], [], []
    for one in test:
        found = [scores.get((one.posed.statement, steps)) for steps in one.samples]
        logs.append(
            np.array(
                [
                    -np.inf if each is None or final_answer(steps) is None else each.log_score
                    for each, steps in zip(found, one.samples, strict=True)
                ]
            )
        )
        right.append(np.array([final_answer(steps) == one.posed.answer for steps in one.samples]))
        truth.append(_steps_told(setting, one, found))
    n = np.array([size for size in sizes if size <= max(len(one.samples) for one in test)])
    hits = np.array(truth).sum(0)
    return {
        "n": n.tolist(),
        "best_of": best_of_n(logs, right, n).round(5).tolist(),
        "steps_told_right": round(float(hits[0] / max(1, hits[1])), 4),
    }


def _steps_told(setting: Setting, one: Sampled, found: Sequence[SolutionScores | None]) -> tuple[int, int]:
    """Of the different samples' steps up to the first error: how many it tells right from wrong."""
    hits = total = 0
    for steps, scored in dict(zip(one.samples, found, strict=True)).items():
        if scored is not None:
            truth = up_to_first_error(WORLDS[setting.world].rate(one.posed, steps))
            hits += sum(
                (p > 0.5) == (t >= 0) for p, t in zip(policy_ranking.correct(scored), truth, strict=False)
            )
            total += len(truth)
    return hits, total


def majority(one: Sampled, n: NDArray[np.int64], seed: int) -> NDArray[np.float64]:
    """Chance that the majority vote of n of its samples is right, by n."""
    said = {
        answer: number for number, answer in enumerate(sorted({final_answer(s) or "" for s in one.samples}))
    }
    answers = np.array([said[told] if (told := final_answer(s)) else -1 for s in one.samples])
    right = np.array([final_answer(steps) == one.posed.answer for steps in one.samples])
    flat = np.zeros(len(answers))
    return vote_accuracies(flat, flat, answers, right, n, subsets=SUBSETS, seed=seed, k=1)["majority"]


def _blind(one: Sampled) -> float:
    return sum(final_answer(steps) == one.posed.answer for steps in one.samples) / len(one.samples)
