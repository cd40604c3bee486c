# ruff: noqa: E501
"""A scripted crew over solutions whose first error people found, through the rules of the house.

Careful, hasty, biased (lenient) and random labelers take a screening, get gold at a rate and regular
tasks with overlap; every claim, rating, submission, mark, pause, adjudication and snapshot is the
application's own, on a database made for this run. Nobody of the crew is told the truth; they see it
through their own eyes (`KINDS`), and a step that is hard is hard for all of them, so their errors
hang together as people's do. The adjudicator errs too.

Printed: who passes the screening; gold accuracy beside true accuracy, with their rank correlation;
final labels against the human truth for majority, Dawid-Skene, and both after adjudication. Intervals
are 95 % bootstraps over solutions, each solution's result averaged over the seeds first.

    STEPMARK_TEST_SERVER=postgresql://... PYTHONPATH=. python bench/crew.py --data ../shared/data/processbench

Everything drawn is seeded, whether gold comes next included: the same command prints the same figures."""

from __future__ import annotations

import argparse
import datetime as dt
import json
import math
import os
import random
import statistics
import tempfile
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import psycopg
from sqlalchemy import select, text
from sqlalchemy.engine import make_url

from app.accounts.models import User
from app.core import db as core_db
from app.core.db import transaction
from app.core.migrate import upgrade
from app.exchange import importer
from app.labeling import filling, known, queue, session
from app.labeling.models import Assignment, Task
from app.problems.models import Solution
from app.projects.models import Membership, Project
from app.quality import adjudicating, gold
from app.training import snapshots
from app.training.models import SnapshotItem

WAYS = ("majority", "dawid_skene")
DATABASE = f"bench_crew_{os.getpid()}"


@dataclass(frozen=True)
class Eyes:
    notices: float
    """The first error, where it is of ordinary hardness."""
    alarm: float
    """Calls a right step wrong."""
    later: float
    """Having missed the first error, calls one of the steps behind it wrong."""
    neutral: float
    """Says neutral where most would say positive."""
    speed: float
    """Tasks in the time in which a careful one does one."""


KINDS = {
    "careful": Eyes(0.90, 0.01, 0.50, 0.05, 1.0),
    "hasty": Eyes(0.60, 0.03, 0.20, 0.15, 2.0),
    "biased": Eyes(0.35, 0.005, 0.05, 0.02, 1.5),
    "random": Eyes(0.0, 0.0, 0.0, 0.0, 3.0),
}
ADJUDICATOR = Eyes(0.97, 0.005, 0.80, 0.05, 1.0)
CREW = {"careful": 3, "hasty": 3, "biased": 2, "random": 2}


@dataclass(frozen=True)
class Plan:
    screening: int = 20
    gold: int = 60
    regular: int = 500
    overlap: int = 3
    mark: float = 0.4
    gold_rate: float = 0.15


@dataclass
class Person:
    id: int
    name: str
    kind: str
    eyes: Eyes
    screened: str | None = None
    right: dict[str, bool] = field(default_factory=dict)
    """Solution -> whether their own first error is the true one, on regular tasks."""
    marked: list[bool] = field(default_factory=list)


@dataclass
class Truth:
    steps: list[str]
    first_error: int
    hard: float


@dataclass
class Outcome:
    people: list[Person]
    decisions: dict[str, int]
    """Of the adjudicator, until then."""
    exact: dict[str, dict[str, float]]
    """Way -> solution -> 1 where the first error of its final labels is the true one."""
    steps: dict[str, dict[str, float]]
    """Way -> solution -> share of its steps, up to the first error, that are labeled as they are."""
    undecided: dict[str, dict[str, float]]


def hardness(seed: int, name: str) -> float:
    """Of a solution's first error, in logits, the same for everyone."""
    return random.Random(f"{seed} {name}").gauss(0, 1)  # noqa: S311


def ratings(eyes: Eyes, truth: Truth, chance: random.Random) -> list[int]:
    """What these eyes see of a solution, up to their first negative."""
    said: list[int] = []
    for at in range(len(truth.steps)):
        if not eyes.notices:
            wrong, neutral = chance.random() < 1 / 3, 0.5
        else:
            wrong, neutral = chance.random() < _sees(eyes, truth, at), eyes.neutral
        said.append(-1 if wrong else 0 if chance.random() < neutral else 1)
        if wrong:
            break
    return said


def _sees(eyes: Eyes, truth: Truth, at: int) -> float:
    """Probability of calling step `at` wrong, with every step before it called right."""
    if truth.first_error < 0 or at < truth.first_error:
        return eyes.alarm
    if at > truth.first_error:
        return eyes.later
    return 1 / (1 + math.exp(truth.hard - math.log(eyes.notices / (1 - eyes.notices))))


def first_of(said: Sequence[int | None], steps: int) -> int | None:
    """-1: none; None: cannot be said, a step before it has no label."""
    for at in range(steps):
        rating = said[at] if at < len(said) else None
        if rating is None:
            return None
        if rating == -1:
            return at
    return -1


def one_run(files: Sequence[Path], seed: int, plan: Plan, crew: dict[str, int], name: str) -> Outcome:
    """A project of its own: import, known tasks, the crew until nothing waits, four snapshots."""
    project_id, people = project_of(files, plan, crew, name, seed)
    with transaction() as db:
        rows = db.execute(
            text(
                "SELECT s.external_id, s.steps, o.first_error FROM solution s JOIN outside_label o ON o.solution_id = s.id WHERE s.project_id = :project"
            ),
            {"project": project_id},
        ).all()
    truths = {
        row.external_id: Truth(row.steps, row.first_error, hardness(seed, row.external_id)) for row in rows
    }
    with gold_draws(seed):
        work(project_id, people, truths, seed)
    looked_at(project_id, people)
    made = {way: final(project_id, way) for way in WAYS}
    decisions, by = {}, adjudicator(project_id)
    for words, portion in (("a third adjudicated", 1 / 3), ("all adjudicated", 1.0)):
        decisions[words] = adjudicate(project_id, by, truths, seed, portion) + sum(decisions.values())
        made |= {f"{way}, {words}": final(project_id, way) for way in WAYS}
    with transaction() as db:
        asked = (
            select(Solution.external_id)
            .join(Task)
            .where(Task.project_id == project_id, Task.kind == "regular")
        )
        regular = sorted(db.scalars(asked))
    exact: dict[str, dict[str, float]] = {}
    steps: dict[str, dict[str, float]] = {}
    undecided: dict[str, dict[str, float]] = {}
    for way, said in made.items():
        exact[way], steps[way], undecided[way] = {}, {}, {}
        for each in regular:
            truth, got = truths[each], said.get(each, [])
            first = first_of(got, len(truth.steps))
            known_steps = len(truth.steps) if truth.first_error < 0 else truth.first_error + 1
            right = sum(
                at < len(got) and got[at] is not None and (got[at] == -1) == (at == truth.first_error)
                for at in range(known_steps)
            )
            exact[way][each] = float(first == truth.first_error)
            steps[way][each] = right / known_steps
            undecided[way][each] = float(first is None)
    return Outcome(people, decisions, exact, steps, undecided)


def project_of(
    files: Sequence[Path], plan: Plan, crew: dict[str, int], name: str, seed: int
) -> tuple[int, list[Person]]:
    jitter = random.Random(f"{seed} crew")  # noqa: S311
    with transaction() as db:
        project = Project(
            name=name, slug=name, overlap=plan.overlap, overlap_share=1.0, gold_rate=plan.gold_rate,
            screening_mark=plan.mark,
        )  # fmt: skip
        db.add(project)
        db.flush()
        imports = [importer.begin(db, project, file, format="processbench").id for file in files]
        project_id = project.id
    for each in imports:
        importer.run(each)
    people = []
    with transaction() as db:
        project = db.get_one(Project, project_id)
        if plan.mark:
            gold.make(db, project, None, "screening", plan.screening)
        gold.make(db, project, None, "gold", plan.gold)
        filling.fill_first(db, project, plan.regular)
        for kind, count in crew.items():
            for number in range(1, count + 1):
                user = User(email=f"{kind}{number}@{name}.example.org", name=f"{kind} {number}")
                db.add(user)
                db.flush()
                db.add(Membership(project_id=project_id, user_id=user.id, role="labeler"))
                eyes = KINDS[kind]
                notices = eyes.notices and min(0.99, max(0.05, eyes.notices + jitter.uniform(-0.07, 0.07)))
                people.append(
                    Person(
                        user.id,
                        user.name,
                        kind,
                        Eyes(notices, eyes.alarm, eyes.later, eyes.neutral, eyes.speed),
                    )
                )
    return project_id, people


@contextmanager
def gold_draws(seed: int) -> Iterator[None]:
    """Whether gold comes next is drawn from the system's randomness; here from the seed."""
    chance, before = random.Random(f"{seed} gold"), known.secrets  # noqa: S311
    known.secrets = SimpleNamespace(randbelow=chance.randrange)  # type: ignore[assignment]
    try:
        yield
    finally:
        known.secrets = before


def work(project_id: int, people: list[Person], truths: dict[str, Truth], seed: int) -> None:
    """Everyone takes what the queue hands them, the fast ones more often, until it hands out nothing."""
    turns, there = random.Random(f"{seed} turns"), list(people)  # noqa: S311
    while there:
        who = turns.choices(there, [person.eyes.speed for person in there])[0]
        with transaction() as db:
            project, now = db.get_one(Project, project_id), dt.datetime.now(dt.UTC)
            held = queue.claim(db, project, db.get_one(User, who.id), now)
            if held is None:
                there.remove(who)
                continue
            name, kind = db.execute(
                select(Solution.external_id, Task.kind).join(Task).where(Task.id == held.task_id)
            ).one()
            truth = truths[name]
            said = ratings(who.eyes, truth, random.Random(f"{seed} {who.name} {name}"))  # noqa: S311
            submit(db, project, held, said, now)
            if kind == "regular":
                who.right[name] = first_of(said, len(truth.steps)) == truth.first_error


def submit(
    db: core_db.Session, project: Project, held: Assignment, said: list[int], now: dt.datetime
) -> None:
    events = [session.Event(uuid.uuid4(), at, 0, rating, None, 700, now) for at, rating in enumerate(said)]
    recorded = session.record(db, project, held, events, now)
    assert recorded.refusal is None, recorded.refusal
    session.submit(
        db, project, held, "found_error" if said[-1] == -1 else "solution", "", 700 * len(said), now
    )


def looked_at(project_id: int, people: list[Person]) -> None:
    """What the project knows of its labelers."""
    standing = text("SELECT user_id, screened FROM standing WHERE project_id = :project")
    marks = text(
        """SELECT a.user_id, m."right" FROM known_mark m JOIN assignment a ON a.id = m.assignment_id
           JOIN task t ON t.id = a.task_id WHERE a.project_id = :project AND t.kind = 'gold' ORDER BY a.id"""
    )
    with transaction() as db:
        screened = {row.user_id: row.screened for row in db.execute(standing, {"project": project_id})}
        marked = defaultdict(list)
        for row in db.execute(marks, {"project": project_id}):
            marked[row.user_id].append(bool(row.right))
    for person in people:
        person.screened, person.marked = screened.get(person.id), marked[person.id]


def adjudicator(project_id: int) -> int:
    with transaction() as db:
        user = User(email=f"adjudicator@{project_id}.example.org", name="adjudicator")
        db.add(user)
        db.flush()
        return user.id


def adjudicate(project_id: int, by: int, truths: dict[str, Truth], seed: int, portion: float) -> int:
    """A portion of what waits, drawn at random, by someone who sees better but not everything."""
    asked = {"project": project_id, "why": None, "solution": None, "sure": adjudicating.SURE, "most": 100_000}
    with transaction() as db:
        waiting = sorted(row.solution_id for row in db.execute(adjudicating.WAITING, asked))
        drawn = random.Random(f"{seed} drawn").sample(waiting, round(portion * len(waiting)))  # noqa: S311
        project, actor = db.get_one(Project, project_id), db.get_one(User, by)
        for solution_id in drawn:
            name = db.get_one(Solution, solution_id).external_id
            said = ratings(ADJUDICATOR, truths[name], random.Random(f"{seed} adjudicator {name}"))  # noqa: S311
            adjudicating.decide(db, project, actor, solution_id, list(said), "As I see it.")
    return len(drawn)


def final(project_id: int, way: str) -> dict[str, list[int | None]]:
    """Solution -> its steps' labels in a snapshot frozen this way. A prefix that solutions share is
    labeled in one of them only, so labels are looked up by what stands before them."""
    with transaction() as db:
        made = snapshots.freeze(db, project_id, {"aggregation": way, "held_out": 0}, None)
        labels: dict[tuple[int, tuple[str, ...]], int] = {}
        for item in db.scalars(select(SnapshotItem).where(SnapshotItem.snapshot_id == made.id)):
            for at, target in enumerate(item.targets):
                if target is not None:
                    labels[item.problem_id, tuple(item.steps[: at + 1])] = target
        found: dict[str, list[int | None]] = {}
        for each in db.scalars(select(Solution).where(Solution.project_id == project_id)):
            path = [tuple(each.steps[: at + 1]) for at in range(len(each.steps))]
            found[each.external_id] = [labels.get((each.problem_id, prefix)) for prefix in path]
        return found


def ranked(values: Sequence[float]) -> list[float]:
    """Ranks from 1, ties shared."""
    return [
        statistics.mean(place for place, other in enumerate(sorted(values), 1) if other == value)
        for value in values
    ]


def rank_correlation(one: Sequence[float], other: Sequence[float]) -> float:
    """Spearman's: the correlation of the ranks."""
    return statistics.correlation(ranked(one), ranked(other))


def averaged(runs: Sequence[dict[str, float]]) -> dict[str, float]:
    """Solution -> mean over the seeds in which it was judged."""
    found = defaultdict(list)
    for run in runs:
        for name, value in run.items():
            found[name].append(value)
    return {name: statistics.mean(values) for name, values in found.items()}


def interval(values: Sequence[float], seed: int = 0, times: int = 2_000) -> tuple[float, float]:
    chance = random.Random(seed)  # noqa: S311
    means = sorted(statistics.fmean(chance.choices(values, k=len(values))) for _ in range(times))
    return means[int(0.025 * times)], means[int(0.975 * times) - 1]


def told(values: Sequence[float], unit: Callable[[float], str]) -> str:
    low, high = interval(values)
    return f"{unit(statistics.fmean(values))} ({unit(low)} to {unit(high)})"


def share(value: float) -> str:
    return f"{100 * value:.1f}"


def more(value: float) -> str:
    return f"{100 * value:+.1f}"


def report(outcomes: list[Outcome]) -> None:
    people = [person for outcome in outcomes for person in outcome.people]
    print("\n| labelers | passed the screening | true accuracy | gold accuracy | gold judged by each |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for kind in KINDS:
        mine = [person for person in people if person.kind == kind]
        if not mine:
            continue
        asked = sum(person.screened is not None for person in mine)
        passed = f"{sum(person.screened == 'passed' for person in mine)} of {asked}" if asked else "–"
        right = [value for person in mine for value in person.right.values()]
        marks = [mark for person in mine for mark in person.marked]
        print(
            f"| {kind} | {passed} | {share(statistics.fmean(right)) + ' %' if right else '–'} "
            f"| {share(statistics.fmean(marks)) + ' %' if marks else '–'} | {len(marks) / len(mine):.0f} |"
        )
    found = [rank_of(outcome) for outcome in outcomes]
    print(
        f"\nRank correlation (Spearman) of gold accuracy with true accuracy, of those let in: "
        f"{statistics.fmean(found):.2f} on average, {min(found):.2f} to {max(found):.2f} over the seeds."
    )
    solutions = len(averaged([outcome.exact["majority"] for outcome in outcomes]))
    print(
        f"\n| final labels of {solutions} solutions | first error exact, % | more than majority | steps right, % | cannot be said, % |"
    )
    print("| --- | ---: | ---: | ---: | ---: |")
    plain = averaged([outcome.exact["majority"] for outcome in outcomes])
    for way in outcomes[0].exact:
        exact = averaged([outcome.exact[way] for outcome in outcomes])
        steps = averaged([outcome.steps[way] for outcome in outcomes])
        unsaid = averaged([outcome.undecided[way] for outcome in outcomes])
        gain = told([exact[name] - plain[name] for name in plain], more) if way != "majority" else ""
        print(
            f"| {way.replace('_', '-').replace('dawid-skene', 'Dawid-Skene')} | {told(list(exact.values()), share)} | {gain} "
            f"| {told(list(steps.values()), share)} | {share(statistics.fmean(unsaid.values()))} |"
        )
    for words in outcomes[0].decisions:
        decided = statistics.fmean(outcome.decisions[words] for outcome in outcomes)
        print(f"\n{words[0].upper()}{words[1:]} are {decided:.0f} decisions a seed.", end="")
    print()


def rank_of(outcome: Outcome) -> float:
    let_in = [person for person in outcome.people if person.marked and person.right]
    return rank_correlation(
        [statistics.fmean(person.marked) for person in let_in],
        [statistics.fmean(person.right.values()) for person in let_in],
    )


@contextmanager
def database(server: str) -> Iterator[None]:
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f'DROP DATABASE IF EXISTS "{DATABASE}" WITH (FORCE)')
        admin.execute(f'CREATE DATABASE "{DATABASE}"')
        os.environ["DATABASE_URL"] = (
            make_url(server).set(database=DATABASE).render_as_string(hide_password=False)
        )
        os.environ.setdefault("STEPMARK_HOME", tempfile.mkdtemp(prefix="bench-crew-"))
        upgrade(core_db.engine())
        yield
        core_db.engine().dispose()
        admin.execute(f'DROP DATABASE "{DATABASE}" WITH (FORCE)')


def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument(
        "--data", type=Path, required=True, help="the folder with ProcessBench's gsm8k.json and math.json"
    )
    asked.add_argument("--seeds", type=int, default=5)
    asked.add_argument("--solutions", type=int, default=Plan.regular)
    asked.add_argument("--overlap", type=int, default=Plan.overlap)
    asked.add_argument("--no-screening", action="store_true", help="let everyone in")
    options = asked.parse_args()
    plan = Plan(
        regular=options.solutions, overlap=options.overlap, mark=0.0 if options.no_screening else Plan.mark
    )
    files = [options.data / "gsm8k.json", options.data / "math.json"]
    errors = [row["label"] for file in files for row in json.loads(file.read_text())]
    print(f"{len(errors)} solutions, {sum(each >= 0 for each in errors)} with an error; plan: {plan}")
    with database(os.environ["STEPMARK_TEST_SERVER"]):
        report([one_run(files, seed, plan, CREW, f"crew-{seed}") for seed in range(1, options.seeds + 1)])


if __name__ == "__main__":
    main()
