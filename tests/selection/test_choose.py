"""Choosing in the database gives exactly what the pure rule gives over the same pool."""

from __future__ import annotations

import itertools
import math
import random

import pytest
from sqlalchemy import select, text

from app.problems.models import Problem, Solution
from app.scoring.models import Score, ScoringRun
from app.selection import score_orders, select_by_step_sql, select_in_memory, step_uncertainty
from app.selection import select_sql as database
from app.selection.config import Policy
from app.selection.shuffle import Shuffle
from app.selection.strategies import STRATEGIES
from app.training.models import Model
from tests.factories import base as factories
from tests.factories import selection as loop

SHARES = {"convincing_wrong": 0.5, "most_convincing": 0.3, "random": 0.2}
BY_STEP = {
    "convincing_wrong": 0.2, "convincing_wrong_by_step": 0.2, "doubted_correct_by_step": 0.2,
    "uncertain_step": 0.3,
    "random": 0.1,
}  # fmt: skip


@pytest.fixture
def pool(db):
    """300 solutions of 30 problems: twins, equal scores, every verdict, every split, some
    queued; and some for another project whose model must not matter."""
    chance = random.Random(5)  # noqa: S311 - a repeatable pool, no secret
    for name, problems in (("Ours", 30), ("Theirs", 6)):
        project = factories.project(db, name)
        model = loop.model(db, project)
        for number in range(problems):
            problem = factories.problem(
                db, project, f"{name} {number}?", split=chance.choice(["train"] * 4 + ["validation", "test"])
            )
            for _ in range(10):
                steps = (f"So {chance.randrange(3)}.", str(chance.randrange(6)))
                verdict = chance.choice(["correct", "incorrect", "incorrect", "unparseable", None])
                solution = factories.solution(db, problem, steps, verdict=verdict)
                if chance.random() < 0.9:
                    loop.score(db, model, solution, right=[chance.randrange(1, 9) / 9 for _ in steps])
                if problem.split != "test" and chance.random() < 0.05:
                    factories.task(db, solution)
    return db.scalar(select(Model).order_by(Model.id).limit(1))


def all_candidates(db, model, splits):
    """Brute force: everything read, every rule applied in Python."""
    queued = {
        (s.problem_id, s.digest)
        for s in db.scalars(select(Solution).where(text("id IN (SELECT solution_id FROM task)")))
    }
    rows = db.execute(
        select(Score, Solution, Problem)
        .join(Solution, Solution.id == Score.solution_id)
        .join(Problem, Problem.id == Solution.problem_id)
        .where(Score.model_id == model.id)
    )
    return [
        score_orders.ScoredSolution(s.id, p.id, s.digest, s.verdict, score.log_score)
        for score, s, p in rows
        if p.split in splits and s.verdict in ("correct", "incorrect") and (p.id, s.digest) not in queued
    ]


def test_it_is_the_pure_rule(db, pool, monkeypatch):
    monkeypatch.setattr(database, "FIRST_CHUNK", 4)
    monkeypatch.setattr(database, "LAST_CHUNK", 16)
    monkeypatch.setattr(database, "FACTS", 5)
    monkeypatch.setattr(select_by_step_sql, "BATCH", 7)
    model = pool
    everyone = list(db.scalars(select(Score.solution_id).where(Score.model_id == model.id)))
    both = ("train", "validation")
    for splits, cap in ((("train",), 1), (("train",), 100), (both, 3)):
        candidates = all_candidates(db, model, splits)
        for shares, size in itertools.product((SHARES, BY_STEP), (7, 40, 1000)):
            policy = Policy(size=size, shares=shares, per_problem=cap, splits=splits, seed=3)

            picks = database.select_solutions(db, model.project_id, model.id, policy)

            assert picks == in_memory(db, candidates, policy, model.id, everyone)
            assert len(picks) == 7 if size == 7 else 7 < len(picks) <= size


def in_memory(db, pool, policy, model_id, scored):
    """select_in_memory, drawing from the range of all that was scored, as the database does."""
    shuffle = Shuffle(min(scored), max(scored), policy.seed)
    rows = db.execute(
        select(Score.solution_id, Score.step_probs, Solution.steps)
        .join(Solution, Solution.id == Score.solution_id)
        .where(Score.model_id == model_id)
    ).all()
    right = {solution: step_uncertainty.step_correctness(probs) for solution, probs, _ in rows}
    texts = {solution: steps for solution, _, steps in rows}
    book = select_in_memory.SelectionState(policy.per_problem, model_id)
    left = 0
    for name, places in select_in_memory.apportion(policy.size, policy.shares).items():
        strategy = STRATEGIES[name]
        ordered = strategy.order.sort(pool, policy.seed)
        if name == "random":
            ordered = score_orders.random_order(pool, shuffle)
        elif strategy.step_measure:
            still = [
                row
                for row in ordered
                if strategy.accepts(row) and book.is_open(row.solution_id, row.problem_id)
            ]
            ordered = select_in_memory.rank_by_step(strategy, still, right, texts)
        left = select_in_memory.fill_places(book, strategy, places + left, ordered)
    return book.selections


def test_of_a_larger_pool_only_a_part_is_read_by_step(db, pool, monkeypatch):
    """40 nearest to even odds, of which every step comes once before any comes twice; what they cannot
    fill comes from the next 40."""
    monkeypatch.setattr(select_by_step_sql, "MIN_PART", 40)
    monkeypatch.setattr(select_by_step_sql, "PART_FACTOR", 1)
    policy = Policy(size=12, shares={"uncertain_step": 1.0}, per_problem=1)
    candidates = {row.solution_id: row for row in all_candidates(db, pool, policy.splits)}

    def distance(solution_id):
        return abs(math.exp(candidates[solution_id].log_score) - 0.5)

    picks = database.select_solutions(db, pool.project_id, pool.id, policy)
    reach = sorted(map(distance, candidates))[39]

    assert len(picks) == 12
    assert all(distance(pick.solution_id) <= reach for pick in picks)
    texts = {row.id: row.steps for row in db.scalars(select(Solution))}
    steps = [texts[pick.solution_id][pick.position] for pick in picks]
    assert len(set(steps[: len(set(steps))])) == len(set(steps)) > 3

    monkeypatch.setattr(select_by_step_sql, "MIN_PART", 2)
    everybody = Policy(size=1000, shares={"uncertain_step": 1.0}, per_problem=100)
    assert len(database.select_solutions(db, pool.project_id, pool.id, everybody)) == len(
        {row.duplicate_key for row in candidates.values()}
    )


def test_how_the_scoring_counts_neutral_is_how_steps_are_in_doubt(db):
    """And a score without step probabilities, or with row for a step that is not there, is passed over."""
    project = factories.project(db)
    model = loop.model(db, project)
    solutions = [
        factories.solution(db, factories.problem(db, project, f"{n}?"), ("A.", f"B{n}."), verdict="correct")
        for n in range(4)
    ]
    probs = [
        [0.5, 0.0, 0.5, 0.0, 0.0, 1.0],
        [0.0, 0.5, 0.5, 0.3, 0.0, 0.7],
        [],
        [0.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.5, 0.0, 0.5],
    ]
    for solution, step_probs in zip(solutions, probs, strict=True):
        loop.score(db, model, solution, 0.4).step_probs = step_probs
    policy = Policy(size=9, shares={"uncertain_step": 1.0})

    def places():
        picks = database.select_solutions(db, project.id, model.id, policy)
        return [(solutions.index(db.get(Solution, pick.solution_id)), pick.position) for pick in picks]

    assert places() == [(0, 0), (1, 1)]
    db.add(ScoringRun(project_id=project.id, model_id=model.id, config={"neutral_is_positive": False}))
    db.flush()
    assert places() == [(0, 0), (1, 0)]


def test_drawing_and_sorting_give_the_same_control_arm(db, pool, monkeypatch):
    model = pool
    policy = Policy(size=20, shares={"random": 1.0}, per_problem=2, seed=1)

    drawn = database.select_solutions(db, model.project_id, model.id, policy)
    monkeypatch.setattr(database, "SPARSE", 0.001)
    sorted_ = database.select_solutions(db, model.project_id, model.id, policy)

    assert len(drawn) == 20
    assert drawn == sorted_


def test_no_test_problem_even_when_nothing_else_is_left(db):
    project = factories.project(db)
    model = loop.model(db, project)
    problem = factories.problem(db, project, split="test")
    loop.score(db, model, factories.solution(db, problem, verdict="incorrect"), 0.9)

    assert database.select_solutions(db, project.id, model.id, Policy(splits=("train", "validation"))) == []
    sneaky = Policy(splits=("train",))
    object.__setattr__(sneaky, "splits", ("train", "test"))
    assert database.select_solutions(db, project.id, model.id, sneaky) == []


def test_a_policy_that_asks_for_test_problems_is_refused():
    with pytest.raises(ValueError, match="Test problems are never queued"):
        Policy(splits=("train", "test"))


def test_the_walk_stops_with_the_last_place(db, monkeypatch):
    """A pool of 3,000 with the best at the top: row chunk of scores is read, not the pool."""
    project = factories.project(db)
    model = loop.model(db, project)
    problem = factories.problem(db, project)
    db.execute(
        text(
            """WITH made AS (
                 INSERT INTO solution (project_id, problem_id, external_id, steps, digest, verdict)
                 SELECT :project, :problem, 'walk-' || n, ARRAY['a'], decode(md5(n::text), 'hex'), 'incorrect'
                 FROM generate_series(1, 3000) n RETURNING id)
               INSERT INTO score (model_id, solution_id, problem_id, log_score, step_probs)
               SELECT :model, id, :problem, -0.001 * id, ARRAY[0, 0, 1] FROM made"""
        ),
        {"project": project.id, "problem": problem.id, "model": model.id},
    )
    monkeypatch.setattr(database, "FIRST_CHUNK", 100)
    read = []
    walk = database.DatabaseScores.walk
    monkeypatch.setattr(
        database.DatabaseScores,
        "walk",
        lambda *args: (read.append(len(rows)) or rows for rows in walk(*args)),
    )

    picks = database.select_solutions(
        db, project.id, model.id, Policy(size=50, shares={"convincing_wrong": 1.0}, per_problem=50)
    )

    assert len(picks) == 50
    assert read == [100]
