"""Monte Carlo rollouts: the rate at which completions of a prefix reach the correct answer. This success
rate is the value of the last step of the prefix.

all            N rollouts from every step but the last, whose value is the verdict of the answer (Wang et al.
               2023, section 3.3; Snell et al. 2024, appendix D, with N = 16)
binary_search  binary search for the first step with no correct rollout (Luo et al. 2024, section 3.2):
               about log2(steps) prefixes of an incorrect solution

Rollouts measure what the generator can reach from a step, not whether people find the step correct (Zhang
et al. 2025 find that they locate errors less accurately). They are a separate label source, and labelers
never see them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.answers.grade import grade
from app.generators.config import parse
from app.generators.models import Rollout, SamplingItem, SamplingRun
from app.generators.prompts import SampleRequest, UnusableSample, parse_completion
from app.generators.purpose import SamplingPurpose
from app.generators.rollout_plan import RolloutPlan, create_items, parse_plan
from app.generators.sampler import SampleResult
from app.problems.models import Problem, Solution

RolloutCounts = Mapping[int, tuple[int, int]]
"""Position -> (rollouts, correct rollouts)."""

LOCK = text("SELECT id FROM solution WHERE id = :solution FOR NO KEY UPDATE")


def positions_needed(
    counts: RolloutCounts, steps: int, rollouts: int, strategy: str
) -> list[tuple[int, int]]:
    """Positions that need rollouts now, with the missing number. Position p continues steps 0 to p. The
    binary search returns one position at a time, because its results decide the next position."""
    if strategy == "all":
        short = [(place, rollouts - counts.get(place, (0, 0))[0]) for place in range(steps - 1)]
        return [(place, missing) for place, missing in short if missing > 0]
    # assumes that the problem alone has correct rollouts and the complete incorrect solution has none
    low, high = -1, steps - 1
    while high - low > 1:
        middle = (low + high) // 2
        done, correct = counts.get(middle, (0, 0))
        if done < rollouts:
            return [(middle, rollouts - done)]
        low, high = (middle, high) if correct else (low, middle)
    return []


def load_counts(db: Session, generator_id: int, solution_id: int) -> dict[int, tuple[int, int]]:
    chosen = select(Rollout.position, Rollout.rollout_count, Rollout.correct_count)
    conditions = (Rollout.generator_id == generator_id, Rollout.solution_id == solution_id)
    return {row[0]: (row[1], row[2]) for row in db.execute(chosen.where(*conditions))}


def next_requests(db: Session, run: SamplingRun, item: SamplingItem) -> list[SampleRequest]:
    plan, size = parse_plan(run.config), parse(run.generator.config).samples_per_request
    solution = db.get_one(Solution, item.solution_id)
    statement = db.get_one(Problem, item.problem_id).statement
    counts = load_counts(db, run.generator_id, solution.id)
    asks = []
    for position, missing in positions_needed(counts, len(solution.steps), plan.rollouts, plan.strategy):
        begun = tuple(solution.steps[: position + 1])
        sizes = [size] * (missing // size) + [missing % size]
        asks += [SampleRequest(statement, begun, count, position=position) for count in sizes if count]
    return asks


def store(db: Session, run: SamplingRun, item: SamplingItem, came: SampleResult) -> Counter[str]:
    """Grade the rollouts and add them to their position, up to the number that is missing now."""
    config, reference = parse(run.generator.config), db.get_one(Problem, item.problem_id).reference_answer
    verdicts: list[str] = []
    for completion, finish in came.answer.texts:
        try:
            answer = parse_completion(config, came.ask, completion, finish).answer
        except UnusableSample:
            answer = None
        verdicts.append(grade(reference or "", answer, came.prover))
    db.execute(LOCK, {"solution": item.solution_id})
    existing_count = load_counts(db, run.generator_id, item.solution_id or 0).get(came.ask.position, (0, 0))[
        0
    ]
    taken = verdicts[: max(0, parse_plan(run.config).rollouts - existing_count)]
    if taken:
        _add(db, run, item, came.ask.position, Counter(taken), len(taken))
    return Counter(stored=len(taken), surplus=len(verdicts) - len(taken), correct=taken.count("correct"))


def _add(
    db: Session, run: SamplingRun, item: SamplingItem, position: int, verdict_counts: Counter[str], count: int
) -> None:
    more = {
        "rollout_count": count,
        "correct_count": verdict_counts["correct"],
        "unparseable": verdict_counts["unparseable"],
    }
    place = {"generator_id": run.generator_id, "solution_id": item.solution_id, "position": position}
    sums = {name: getattr(Rollout, name) + value for name, value in more.items()}
    statement = insert(Rollout).values(**place, **more)
    db.execute(statement.on_conflict_do_update(index_elements=list(place), set_=sums))


class RolloutsPurpose(SamplingPurpose):
    name, label, title, unit = "rollouts", "Rollouts", "Rollouts", "solutions"
    config = RolloutPlan
    create_items = staticmethod(create_items)
    next_requests = staticmethod(next_requests)
    store = staticmethod(store)
