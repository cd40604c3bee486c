"""Monte-Carlo rollouts: from a beginning of a solution, how often does the generator come to the right
answer? The share is the value of that beginning's last step.

every    as many from behind each step but the last, whose value is the verdict of the answer (Wang et
         al. 2023, section 3.3; Snell et al. 2024, appendix D: 16 from each)
search   the first step from behind which none comes to the right answer, looked for by halving (Luo et
         al. 2024, section 3.2): of a wrong solution, about log2(steps) beginnings and not all

These say what this generator can do from there, which is not what a person sees in the step (Zhang et al.
2025: they locate errors worse). They are a source of labels of their own, and no labeler sees them."""

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
from app.generators.rollout_plan import create_items as create_items
from app.generators.rollout_plan import parse_plan
from app.generators.sampler import SampleResult
from app.problems.models import Problem, Solution

RolloutCounts = Mapping[int, tuple[int, int]]
"""Position -> rollouts, and how many of them reached the right answer."""

LOCK = text("SELECT id FROM solution WHERE id = :solution FOR NO KEY UPDATE")


def positions_needed(counts: RolloutCounts, steps: int, rollouts: int, how: str) -> list[tuple[int, int]]:
    """Positions that need rollouts now, and how many more. Position p: from behind steps 0 to p. The
    search asks for one at a time, as what comes decides where it looks next."""
    if how == "every":
        short = [(place, rollouts - counts.get(place, (0, 0))[0]) for place in range(steps - 1)]
        return [(place, missing) for place, missing in short if missing > 0]
    # from the bare problem the right answer is taken to be in reach; from the whole solution it is not
    low, high = -1, steps - 1
    while high - low > 1:
        middle = (low + high) // 2
        done, reached = counts.get(middle, (0, 0))
        if done < rollouts:
            return [(middle, rollouts - done)]
        low, high = (middle, high) if reached else (low, middle)
    return []


def load_counts(db: Session, generator_id: int, solution_id: int) -> dict[int, tuple[int, int]]:
    chosen = select(Rollout.position, Rollout.rollouts, Rollout.reached)
    conditions = (Rollout.generator_id == generator_id, Rollout.solution_id == solution_id)
    return {row[0]: (row[1], row[2]) for row in db.execute(chosen.where(*conditions))}


def next_requests(db: Session, run: SamplingRun, item: SamplingItem) -> list[SampleRequest]:
    plan, size = parse_plan(run.config), parse(run.generator.config).per_request
    solution = db.get_one(Solution, item.solution_id)
    statement = db.get_one(Problem, item.problem_id).statement
    counts = load_counts(db, run.generator_id, solution.id)
    asks = []
    for position, missing in positions_needed(counts, len(solution.steps), plan.rollouts, plan.how):
        begun = tuple(solution.steps[: position + 1])
        sizes = [size] * (missing // size) + [missing % size]
        asks += [SampleRequest(statement, begun, count, position=position) for count in sizes if count]
    return asks


def store(db: Session, run: SamplingRun, item: SamplingItem, came: SampleResult) -> Counter[str]:
    """Grade what came, and add it to its position up to what is missing there now."""
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
    return Counter(made=len(taken), surplus=len(verdicts) - len(taken), reached=taken.count("correct"))


def _add(
    db: Session, run: SamplingRun, item: SamplingItem, position: int, verdict_counts: Counter[str], count: int
) -> None:
    more = {
        "rollouts": count,
        "reached": verdict_counts["correct"],
        "unparseable": verdict_counts["unparseable"],
    }
    place = {"generator_id": run.generator_id, "solution_id": item.solution_id, "position": position}
    sums = {name: getattr(Rollout, name) + value for name, value in more.items()}
    statement = insert(Rollout).values(**place, **more)
    db.execute(statement.on_conflict_do_update(index_elements=list(place), set_=sums))
