"""One of everything, as a project that has been around the loop: for tests and pictures of pages.

Problems and solutions are the demo's; labels, gold, adjudication, snapshots, evaluations and the
comparison are made by the app's own rules, scores by the world's judge with noise. Nothing is
trained. Everyone's names and texts are ordinary: hostile ones are in test_hostile.py."""

from __future__ import annotations

import datetime as dt
import math
import random
import re
import uuid
from typing import Any

from playwright.sync_api import Error, Page
from sqlalchemy import delete, insert, select, text, update
from sqlalchemy.orm import Session

from app.accounts import sessions
from app.accounts.models import Invitation, User
from app.core.db import transaction
from app.evaluation import comparison_report, comparisons, driver, freeze, sets
from app.evaluation.config import EvaluationConfig
from app.evaluation.models import Evaluation
from app.exchange.models import Import, RejectedRecord
from app.generators.models import Generator, SamplingRun
from app.labeling import assignments, claims, initial_queue, notes, returns
from app.labeling.models import Assignment, RatingEvent, Task
from app.problems.models import Alternative, ExternalLabel, Solution
from app.projects import instructions
from app.projects.models import Membership, Project
from app.quality import (
    adjudication,
    adjudication_queue,
    agreement_job,
    agreement_report,
    control_task_creation,
)
from app.quality.models import AgreementReport
from app.scoring.models import ScoringRun
from app.selection.config import RoundConfig
from app.selection.models import Generation, Round
from app.training import snapshots
from app.training.models import Model, TrainingPoint, TrainingRun
from app.world import demo_data
from app.world.demo_data.world import Digits
from app.world.kinds.base import PosedProblem, final_answer
from tests.browser.conftest import empty
from tests.factories import base as factories
from tests.factories import evaluation as judged
from tests.factories import simulation as simulated

WORLD = Digits()
PEOPLE = ("Ben Okafor", "Cleo Sand", "Dan Wu")
RULES = """## How to judge

Read the **problem** first, then one step at a time.

- *Great*: right, and it moves on.
- *Okay*: right, but it only repeats.
- *Bad*: a false sum, or the wrong quantity.

> Example: from $3 \\cdot 4$ to $12$ is great.

| Case | Rate it |
| --- | --- |
| A slip that throws nobody off | great |
| A number from nowhere | bad |
"""
HARD = (
    "Let $f(x) = \\frac{x^2 - 1}{x - 1}$ for $x \\neq 1$. Find $$\\lim_{x \\to 1} f(x).$$",
    (
        "We factor the numerator: $x^2 - 1 = (x - 1)(x + 1)$.",
        "For $x \\neq 1$ we cancel: $$f(x) = \\frac{(x-1)(x+1)}{x-1} = x + 1.$$",
        "Compare the two sides:\n\n| $x$ | $f(x)$ |\n| --- | --- |\n| $0.9$ | $1.9$ |\n| $1.1$ | $2.1$ |",
        "So the limit is $1 + 1 = 3$.",
        "# Answer\n\n3",
    ),
    ("So the limit is $1 + 1 = 2$.", "The limit does not exist, since $f(1)$ is not defined."),
)


class Everything:
    """Names of what was made, by the parameter that stands for it in a route."""

    def __init__(self) -> None:
        empty()
        self.ids: dict[str, list[Any]] = {}
        self.now = dt.datetime.now(dt.UTC)
        self.chance = random.Random(7)  # noqa: S311 - the same pages every time
        with transaction() as db:
            self._people(db)
            self._pool(db)
        with transaction() as db:
            project = db.get_one(Project, self.project)
            self._models(db)
            self._add_gold_tasks(db, project)
            self._labels(db, project)
        with transaction() as db:
            project = db.get_one(Project, self.project)
            self._add_notes_and_returns(db, project)
            self._adjudicated(db, project)
            self._loop(db)
            self._add_import(db)
        with transaction() as db:
            agreement_report.request_report(db, self.project, self.now)
            run_id = db.scalars(select(AgreementReport.id)).one()
        agreement_job.run(agreement_report.KIND, run_id)
        self._judged()

    def _people(self, db: Session) -> None:
        project = factories.project(
            db, "Pilot", overlap=2, overlap_share=0.6, gold_rate=0.2, gold_feedback=True,
            gold_threshold=0.5, reopening="open", grace_minutes=60,
        )  # fmt: skip
        self.project = project.id
        self.me = factories.user(db, "ada@example.org", name="Ada", is_admin=True)
        factories.member(db, project, "admin", self.me)
        self.labelers = [
            factories.member(
                db, project, who=factories.user(db, f"{name.split()[0].lower()}@example.org", name=name)
            )
            for name in PEOPLE
        ]
        instructions.publish_version(db, project, RULES.replace("only repeats", "repeats"), self.me)
        instructions.acknowledge_version(db, project, self.me, 1)
        instructions.publish_version(db, project, RULES, self.me)
        self.token = sessions.create_session(db, self.me, now=self.now)
        self.ids["user_id"] = [self.labelers[0].id]

    def _pool(self, db: Session) -> None:
        project = db.get_one(Project, self.project)
        self.truth: dict[int, tuple[int, ...]] = {}
        for entry in demo_data.load_entries()[::19]:
            self._problem(db, project, entry)
        statement, steps, others = HARD
        hard = factories.problem(
            db, project, statement, "2", subject="Calculus", level="4",
            reference_solution="By l'Hôpital: $\\frac{2x}{1} \\to 2$.",
        )  # fmt: skip
        self.hard = factories.solution(
            db, hard, steps, verdict="incorrect", final_answer="3", generator="careful reasoner"
        )
        self.truth[self.hard.id] = (1, 1, 0, -1, 0)
        for number, completion in enumerate(others, 1):
            self._candidate(db, self.hard.id, 3, number, (0, 0, 0), completion)
        self._candidate(db, self.hard.id, 4, 1, (0, 0, 0, 1), "# Answer\n\n2")
        self.ids |= {"problem_id": [hard.id], "solution_id": [self.hard.id]}

    def _problem(self, db: Session, project: Project, entry: demo_data.Entry) -> None:
        problem = factories.problem(
            db, project, entry.statement, entry.answer, split=entry.split, subject="with products",
            level=str(len(entry.statement.split()) - 1), source="world",
        )  # fmt: skip
        for steps in entry.solutions[:6]:
            solution = factories.solution(
                db, problem, steps, generator="the writer", final_answer=final_answer(steps),
                verdict="correct" if final_answer(steps) == entry.answer else "incorrect",
            )  # fmt: skip
            self.truth[solution.id] = tuple(WORLD.rate(PosedProblem(entry.statement, entry.answer), steps))

    def _candidate(
        self, db: Session, solution: int, at: int, number: int, prefix: tuple[int, ...], completion: str
    ) -> None:
        row = {"solution_id": solution, "position": at, "candidate": number, "prefix": list(prefix)}
        db.execute(insert(Alternative).values(**row, text=completion))

    def _models(self, db: Session) -> None:
        self.models = []
        for number, noise in enumerate((1.6, 0.7), 1):
            model = Model(
                project_id=self.project, name=f"prm-{number}", path=f"prm-{number}",
                weights_hash=bytes([number]) * 32, config={"size": "tiny", "vocabulary": 512},
            )  # fmt: skip
            db.add(model)
            db.flush()
            self.models.append(model)
            for solution in db.scalars(select(Solution).where(Solution.project_id == self.project)):
                judged.score_steps(
                    db, model, solution, [self._p_negative(rating, noise) for rating in self._all(solution)]
                )
            db.add(
                ScoringRun(
                    project_id=self.project, model_id=model.id, state="succeeded", total=151, done=151,
                    config={"aggregate": "product", "neutral_is_positive": True}, finished_at=self.now,
                )
            )  # fmt: skip
        self.ids["model_id"] = [self.models[-1].id]

    def _all(self, solution: Solution) -> list[int]:
        ratings = self.truth[solution.id]
        return [*ratings, *[0] * (len(solution.steps) - len(ratings))]

    def _p_negative(self, rating: int, noise: float) -> float:
        return 1 / (1 + math.exp(2.2 if rating >= 0 else -1.6) * math.exp(self.chance.gauss(0, noise)))

    def _add_gold_tasks(self, db: Session, project: Project) -> None:
        """Gold from labels that came with a file."""
        ids = [
            solution_id
            for solution_id, ratings in self.truth.items()
            if solution_id != self.hard.id and -1 in ratings
        ][:9]
        for solution_id in ids:
            first = self.truth[solution_id].index(-1)
            db.add(ExternalLabel(solution_id=solution_id, source="file:processbench", first_error=first))
        db.flush()
        control_task_creation.create_control_tasks(db, project, self.me, "gold", 5)
        control_task_creation.create_control_tasks(db, project, self.me, "screening", 2)

    def _labels(self, db: Session, project: Project) -> None:
        self.last = factories.task(db, self.hard, priority=-999.0, overlap=4).id
        initial_queue.insert_initial_tasks(db, project, 40)
        for place, who in enumerate(self.labelers):
            for _ in range(16):
                assignment = claims.claim_assignment(db, project, who, self.now)
                if assignment is None:
                    break
                self._submit_ratings(db, project, assignment, slip=0.03 + 0.08 * place)
        yesterday = "submitted_at = submitted_at - (id % 6) * interval '1 day'"
        db.execute(text(f"UPDATE assignment SET {yesterday} WHERE state = 'submitted'"))

    def _submit_ratings(self, db: Session, project: Project, assignment: Assignment, slip: float) -> None:
        solution = assignment.task.solution
        ratings = self._all(solution)
        events = []
        for at, rating in enumerate(ratings):
            chosen_rating = self.chance.choice((1, 0, -1)) if self.chance.random() < slip else rating
            flagged = True if self.chance.random() < 0.02 else None
            event = assignments.RatingEventData(
                uuid.uuid4(), at, 0, chosen_rating, flagged, 4000 + 900 * len(solution.steps[at]) // 9, None
            )
            events.append(event)
            if chosen_rating == -1:
                break
        if self.chance.random() < 0.06:
            assignments.submit_assignment(
                db, project, assignment, "give_up", "It would take far too long", 40_000, self.now
            )
            return
        saved = assignments.record_events(db, project, assignment, events, self.now)
        assert saved.refusal is None, saved.refusal
        wrong = any(event.rating == -1 for event in events)
        assignments.submit_assignment(
            db, project, assignment, "found_error" if wrong else "solution", "", 90_000, self.now
        )

    def _add_notes_and_returns(self, db: Session, project: Project) -> None:
        """What I did: one with a note, one that came back, one that is taken back."""
        own_assignments = []
        for _ in range(4):
            assignment = claims.claim_assignment(db, project, self.me, self.now)
            assert assignment
            self._submit_ratings(db, project, assignment, 0.2)
            own_assignments.append(assignment)
        db.get_one(Task, self.last).priority = 9.0
        project.gold_rate = 0.0
        on_desk = claims.claim_assignment(db, project, self.me, self.now)
        assert on_desk
        assert on_desk.task_id == self.last
        notes.save_note(
            db, own_assignments[0], notes.Note(uuid.uuid4(), 0, "Is the *first* number meant per day?")
        )
        returns.return_submission(
            db, project, own_assignments[1].id, self.me, "Is step 2 really right?", self.now
        )
        project.gold_rate = 0.2
        other = db.scalars(select(Assignment.id).where(Assignment.user_id == self.labelers[0].id)).first()
        self.ids["assignment_id"] = [own_assignments[0].id, own_assignments[1].id, other]

    def _adjudicated(self, db: Session, project: Project) -> None:
        """One decided; the first that waits is on the list of pages too."""
        adjudication_queue.refresh_changed(db, project.id)
        row, *more = adjudication.list_candidates(db, project.id)
        ratings: list[int | None] = list(self._all(db.get_one(Solution, row.solution_id)))
        adjudication.record_decision(
            db, project, self.me, row.solution_id, ratings, "The second labeler read it wrong."
        )
        self.ids["solution_id"] += [row.solution_id, *(candidate.solution_id for candidate in more[:1])]

    def _loop(self, db: Session) -> None:
        frozen = snapshots.create_snapshot(db, self.project, {}, self.me.id)
        agreed = snapshots.create_snapshot(db, self.project, {"generations": [0]}, self.me.id)
        progress = {"phase": "train", "step": 60, "steps": 120, "loss": 0.41, "seconds_left": 95}
        runs = [
            TrainingRun(
                project_id=self.project, snapshot_id=frozen.id, state=state, error=error, attempt=1,
                config={"size": "tiny", "epochs": 3.0, "device": "cpu"}, created_by=self.me.id,
                progress=progress if state == "running" else {},
                started_at=self.now - dt.timedelta(minutes=9), heartbeat_at=self.now,
                finished_at=None if state == "running" else self.now,
            )
            for state, error in (
                ("succeeded", None), ("running", None), ("failed", "The disk is full. Free some space."),
            )
        ]  # fmt: skip
        db.add_all(runs)
        db.flush()
        for step in range(0, 121, 4):
            values = {"loss": 1.1 * math.exp(-step / 50) + 0.02 * self.chance.random(), "lr": 3e-3}
            if step % 20 == 0:
                values["validation_loss"] = values["loss"] + 0.08
            db.add(TrainingPoint(training_run_id=runs[0].id, step=step, metrics=values))
        newest = db.get_one(Model, self.models[-1].id)
        newest.training_run_id, newest.snapshot_id = runs[0].id, frozen.id
        funnel = {"sampled": 151, "graded": 151, "scored": 151, "eligible": 96, "selected": 40,
                  "by_strategy": {"convincing_wrong": 32, "most_convincing": 8}}  # fmt: skip
        db.add_all(
            Generation(
                project_id=self.project, number=number, model_id=model, funnel=funnel,
                snapshot_id=frozen.id if model else None,
                policy=RoundConfig().as_json()["policy"],
            )
            for number, model in ((0, None), (1, newest.id))
        )  # fmt: skip
        db.execute(
            update(Task)
            .where(Task.project_id == self.project, Task.kind == "regular", Task.id % 2 == 0)
            .values(
                generation=1,
                reason={"strategy": "convincing_wrong", "score": 0.87, "rank": 3, "model_id": newest.id},
            )
        )
        done = {"queued": 40, "model_id": newest.id, "snapshot_id": frozen.id}
        rounds = [
            Round(
                project_id=self.project, generation=number, config=RoundConfig().as_json(), state=state,
                stage=stage, error=error,
                **outputs, created_by=self.me.id, started_at=self.now, finished_at=self.now,
            )
            for number, state, stage, error, outputs in (
                (1, "succeeded", "queue", None, done),
                (2, "failed", "train", "Training failed: the disk is full.", {"snapshot_id": frozen.id}),
            )
        ]  # fmt: skip
        db.add_all(rounds)
        db.flush()
        runs[0].parent_id = rounds[0].id
        self.ids |= {
            "snapshot_id": [agreed.id], "run_id": [run.id for run in runs],
            "round_id": [round_row.id for round_row in rounds], "number": [0, 1],
        }  # fmt: skip

    def _add_import(self, db: Session) -> None:
        brought = Import(
            project_id=self.project, filename="prm800k.jsonl", path="prm800k.jsonl", format="prm800k",
            split="train", state="succeeded", bytes_total=226_000, bytes_done=226_000, lines_done=1000,
            counts={"lines": 1000, "problems": 25, "solutions": 151, "labels": 120, "errors": 2,
                    "duplicates": 0, "split_conflicts": 0},
            finished_at=self.now,
        )  # fmt: skip
        db.add(brought)
        db.flush()
        for line in (17, 403):
            message = "The step has no text. Give each step a text."
            db.add(
                RejectedRecord(import_id=brought.id, line=line, message=message, excerpt='{"steps": [""]}')
            )
        db.add(
            Invitation(
                token_hash=b"1", email="eve@example.org", project_id=self.project, role="labeler",
                invited_by=self.me.id, expires_at=self.now + dt.timedelta(days=7),
            )
        )  # fmt: skip
        generator = Generator(
            project_id=self.project, name="qwen-small", kind="openai", base_url="http://localhost:8000/v1",
            model="qwen", config={},
        )  # fmt: skip
        db.add(generator)
        db.flush()
        sampled = SamplingRun(
            project_id=self.project, generator_id=generator.id, purpose="pool", state="failed", total=40,
            config={"per_problem": 4}, counters={"stored": 12, "requests": 14},
            error="The server does not answer.", finished_at=self.now,
        )  # fmt: skip
        db.add(sampled)
        db.flush()
        project = db.get_one(Project, self.project)
        self.ids["simulation_id"] = [
            simulated.simulation(db, project, state).id for state in ("succeeded", "running", "failed")
        ]
        self.ids |= {"import_id": [brought.id], "generator_id": [generator.id], "sampling_id": [sampled.id]}

    def _judged(self) -> None:
        with transaction() as db:
            frozen = sets.create_set(db, self.project, "Validation", {"splits": ["validation"]}, None)
            freeze._freeze(db, frozen, judged.NoProver())  # type: ignore[arg-type]
            evaluations = [
                Evaluation(
                    project_id=self.project, evaluation_set_id=frozen.id, model_id=model.id, state="running",
                    config=EvaluationConfig(subsets=20, resamples=50).to_json(),
                )
                for model in self.models
            ]  # fmt: skip
            db.add_all(evaluations)
            db.flush()
            both = [evaluation.id for evaluation in evaluations]
            self.ids |= {"set_id": [frozen.id], "evaluation_id": both[1:]}
        for evaluation_id in both:
            with transaction() as db:
                evaluation = db.get_one(Evaluation, evaluation_id)
            driver._evaluate(evaluation)
        with transaction() as db:
            first, second = (db.get_one(Evaluation, evaluation_id) for evaluation_id in both)
            self.ids["comparison_id"] = [comparisons.create(db, first, second).id]
        comparison_report.run(comparisons.KIND, self.ids["comparison_id"][0])
        with transaction() as db:  # what nobody works at here
            db.execute(text("DELETE FROM procrastinate_jobs"))

    def become(self, role: str) -> None:
        """What I may do: as an admin also of the server, as a labeler nothing more."""
        with transaction() as db:
            db.execute(update(User).where(User.id == self.me.id).values(is_admin=role == "admin"))
            db.execute(update(Membership).where(Membership.user_id == self.me.id).values(role=role))

    def anew(self, mode: str) -> None:
        """The desk in this mode, and nothing was said of what lies on it."""
        with transaction() as db:
            db.execute(update(Project).values(mode=mode))
            own_assignments = select(Assignment.id).where(
                Assignment.user_id == self.me.id, Assignment.state != "submitted"
            )
            db.execute(delete(RatingEvent).where(RatingEvent.assignment_id.in_(own_assignments)))

    def places(self, path: str) -> list[str]:
        """The addresses a route stands for; none where it names a thing that is not made here."""
        path = path.replace("{slug}", "pilot")
        names = re.findall(r"\{(\w+)\}", path)
        if not names:
            return [path]
        if len(names) > 1 or names[0] not in self.ids:
            return []
        return [path.replace(f"{{{names[0]}}}", str(value)) for value in self.ids[names[0]]]


def opened(page: Page, address: str) -> bool:
    """Goes there; false where it is refused, a file, or a part that is looked at in its page."""
    try:
        answer = page.goto(address, wait_until="domcontentloaded")
    except Error as said:
        if "ERR_ABORTED" in str(said) or "Download is starting" in str(said):
            return False
        raise
    assert answer is not None
    assert answer.status < 500, address
    return answer.ok and page.evaluate("Boolean(document.doctype)")
