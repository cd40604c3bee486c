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

    STEPMARK_TEST_SERVER=postgresql://... PYTHONPATH=. python bench/crew.py --data processbench

Everything drawn is seeded, whether gold comes next included: the same command prints the same figures."""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import random
import tempfile
import uuid
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

from sqlalchemy import select, text

from app.accounts.models import User
from app.core import db as core_db
from app.core.db import transaction
from app.exchange import importer
from app.labeling import assignments, claims, control_tasks, initial_queue
from app.labeling.models import Assignment, Task
from app.problems.models import Solution
from app.projects.models import Membership, Project
from app.quality import adjudication, adjudication_queue, control_task_creation
from app.training import snapshots
from app.training.models import SnapshotItem
from bench.crew_people import (
    ADJUDICATOR,
    CREW,
    KINDS,
    Eyes,
    Outcome,
    Person,
    Plan,
    Truth,
    first_of,
    hardness,
    ratings,
)
from bench.crew_table import report
from bench.database import served

WAYS = ("majority", "dawid_skene")


def one_run(files: Sequence[Path], seed: int, plan: Plan, crew: dict[str, int], name: str) -> Outcome:
    """A project of its own: import, known tasks, the crew until nothing waits, six snapshots."""
    project_id, people = project_of(files, plan, crew, name, seed)
    with transaction() as db:
        rows = db.execute(
            text(
                "SELECT s.external_id, s.steps, o.first_error FROM solution s JOIN external_label o ON o.solution_id = s.id WHERE s.project_id = :project"
            ),
            {"project": project_id},
        ).all()
    truths = {
        row.external_id: Truth(row.steps, row.first_error, hardness(seed, row.external_id)) for row in rows
    }
    with gold_draws(seed):
        work(project_id, people, truths, seed)
    looked_at(project_id, people)
    labels_by_way = {way: final(project_id, way) for way in WAYS}
    decisions: dict[str, int] = {}
    by = adjudicator(project_id)
    for portion_name, portion in (("a third adjudicated", 1 / 3), ("all adjudicated", 1.0)):
        decisions[portion_name] = adjudicate(project_id, by, truths, seed, portion) + sum(decisions.values())
        labels_by_way |= {f"{way}, {portion_name}": final(project_id, way) for way in WAYS}
    with transaction() as db:
        query = (
            select(Solution.external_id)
            .join(Task)
            .where(Task.project_id == project_id, Task.kind == "regular")
        )
        regular = sorted(db.scalars(query))
    outcome = Outcome(people, decisions, {}, {}, {})
    for way, labels in labels_by_way.items():
        for solution_name in regular:
            judged(outcome, way, solution_name, truths[solution_name], labels.get(solution_name, []))
    return outcome


def judged(outcome: Outcome, way: str, name: str, truth: Truth, labels: list[int | None]) -> None:
    """A solution's final labels against the human truth."""
    first = first_of(labels, len(truth.steps))
    known_steps = len(truth.steps) if truth.first_error < 0 else truth.first_error + 1
    right = sum(
        at < len(labels) and labels[at] is not None and (labels[at] == -1) == (at == truth.first_error)
        for at in range(known_steps)
    )
    outcome.exact.setdefault(way, {})[name] = float(first == truth.first_error)
    outcome.steps.setdefault(way, {})[name] = right / known_steps
    outcome.undecided.setdefault(way, {})[name] = float(first is None)


def project_of(
    files: Sequence[Path], plan: Plan, crew: dict[str, int], name: str, seed: int
) -> tuple[int, list[Person]]:
    jitter = random.Random(f"{seed} crew")  # noqa: S311
    with transaction() as db:
        project = Project(
            name=name, slug=name, overlap=plan.overlap, overlap_share=1.0, gold_rate=plan.gold_rate,
            screening_threshold=plan.mark,
        )  # fmt: skip
        db.add(project)
        db.flush()
        imports = [importer.create_import(db, project, file, format="processbench").id for file in files]
        project_id = project.id
    for import_id in imports:
        importer.run_import(import_id)
    people = []
    with transaction() as db:
        project = db.get_one(Project, project_id)
        if plan.mark:
            control_task_creation.create_control_tasks(db, project, None, "screening", plan.screening)
        control_task_creation.create_control_tasks(db, project, None, "gold", plan.gold)
        initial_queue.insert_initial_tasks(db, project, plan.regular)
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
    chance, before = random.Random(f"{seed} gold"), control_tasks.secrets  # noqa: S311
    control_tasks.secrets = SimpleNamespace(randbelow=chance.randrange)  # type: ignore[assignment]
    try:
        yield
    finally:
        control_tasks.secrets = before


def work(project_id: int, people: list[Person], truths: dict[str, Truth], seed: int) -> None:
    """Everyone takes what the queue hands them, the fast ones more often, until it hands out nothing."""
    turns, present = random.Random(f"{seed} turns"), list(people)  # noqa: S311
    while present:
        who = turns.choices(present, [person.eyes.speed for person in present])[0]
        with transaction() as db:
            project, now = db.get_one(Project, project_id), dt.datetime.now(dt.UTC)
            held = claims.claim_assignment(db, project, db.get_one(User, who.id), now)
            if held is None:
                present.remove(who)
                continue
            name, kind = db.execute(
                select(Solution.external_id, Task.kind).join(Task).where(Task.id == held.task_id)
            ).one()
            truth = truths[name]
            labels = ratings(who.eyes, truth, random.Random(f"{seed} {who.name} {name}"))  # noqa: S311
            submit(db, project, held, labels, now)
            if kind == "regular":
                who.right[name] = first_of(labels, len(truth.steps)) == truth.first_error


def submit(
    db: core_db.Session, project: Project, held: Assignment, labels: list[int], now: dt.datetime
) -> None:
    events = [
        assignments.RatingEventData(uuid.uuid4(), at, 0, rating, None, 700, now)
        for at, rating in enumerate(labels)
    ]
    recorded = assignments.record_events(db, project, held, events, now)
    assert recorded.refusal is None, recorded.refusal
    assignments.submit_assignment(
        db, project, held, "found_error" if labels[-1] == -1 else "solution", "", 700 * len(labels), now
    )


def looked_at(project_id: int, people: list[Person]) -> None:
    """What the project knows of its labelers."""
    standing = text("SELECT user_id, screening_result FROM labeler_status WHERE project_id = :project")
    marks = text(
        """SELECT a.user_id, m.correct FROM control_result m JOIN assignment a ON a.id = m.assignment_id
           JOIN task t ON t.id = a.task_id WHERE a.project_id = :project AND t.kind = 'gold' ORDER BY a.id"""
    )
    with transaction() as db:
        screened = {
            row.user_id: row.screening_result for row in db.execute(standing, {"project": project_id})
        }
        marked = defaultdict(list)
        for row in db.execute(marks, {"project": project_id}):
            marked[row.user_id].append(bool(row.correct))
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
    adjudication_queue.refresh_all(project_id)
    with transaction() as db:
        waiting = sorted(
            row.solution_id for row in adjudication.list_candidates(db, project_id, most=100_000)
        )
        drawn = random.Random(f"{seed} drawn").sample(waiting, round(portion * len(waiting)))  # noqa: S311
        project, actor = db.get_one(Project, project_id), db.get_one(User, by)
        for solution_id in drawn:
            name = db.get_one(Solution, solution_id).external_id
            labels = ratings(ADJUDICATOR, truths[name], random.Random(f"{seed} adjudicator {name}"))  # noqa: S311
            adjudication.record_decision(db, project, actor, solution_id, list(labels), "As I see it.")
    return len(drawn)


def final(project_id: int, way: str) -> dict[str, list[int | None]]:
    """Solution -> its steps' labels in a snapshot frozen this way. A prefix that solutions share is
    labeled in one of them only, so labels are looked up by what stands before them."""
    with transaction() as db:
        snapshot = snapshots.create_snapshot(db, project_id, {"aggregation": way, "held_out": 0}, None)
        labels: dict[tuple[int, tuple[str, ...]], int] = {}
        for item in db.scalars(select(SnapshotItem).where(SnapshotItem.snapshot_id == snapshot.id)):
            for at, target in enumerate(item.targets):
                if target is not None:
                    labels[item.problem_id, tuple(item.steps[: at + 1])] = target
        final_labels: dict[str, list[int | None]] = {}
        for solution in db.scalars(select(Solution).where(Solution.project_id == project_id)):
            path = [tuple(solution.steps[: at + 1]) for at in range(len(solution.steps))]
            final_labels[solution.external_id] = [
                labels.get((solution.problem_id, prefix)) for prefix in path
            ]
        return final_labels


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument(
        "--data", type=Path, required=True, help="the folder with ProcessBench's gsm8k.json and math.json"
    )
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--solutions", type=int, default=Plan.regular)
    parser.add_argument("--overlap", type=int, default=Plan.overlap)
    parser.add_argument("--no-screening", action="store_true", help="let everyone in")
    options = parser.parse_args()
    plan = Plan(
        regular=options.solutions, overlap=options.overlap, mark=0.0 if options.no_screening else Plan.mark
    )
    files = [options.data / "gsm8k.json", options.data / "math.json"]
    errors = [row["label"] for file in files for row in json.loads(file.read_text())]
    print(f"{len(errors)} solutions, {sum(error >= 0 for error in errors)} with an error; plan: {plan}")
    os.environ.setdefault("STEPMARK_HOME", tempfile.mkdtemp(prefix="bench-crew-"))
    with served(f"bench_crew_{os.getpid()}"):
        report([one_run(files, seed, plan, CREW, f"crew-{seed}") for seed in range(1, options.seeds + 1)])


if __name__ == "__main__":
    main()
