"""What the board and a generation's page show. Reads only."""

from __future__ import annotations

import math
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.core.errors import NotFound
from app.evaluation import generation_curve
from app.projects.models import Project
from app.scoring.heat_strips import load_heat_strips
from app.selection import gate_check
from app.selection.models import Generation, Round
from app.selection.strategies import label_of
from app.training.models import Model

PAGE = 50
STATES = ("waiting", "on a desk", "labeled", "withdrawn")
STATE_OF = """CASE WHEN t.withdrawn_at IS NOT NULL THEN 'withdrawn'
                   WHEN EXISTS (SELECT FROM assignment a WHERE a.task_id = t.id AND a.state = 'submitted')
                        AND (SELECT count(*) FROM assignment a
                             WHERE a.task_id = t.id AND a.state = 'submitted') >= t.overlap THEN 'labeled'
                   WHEN t.taken > 0 THEN 'on a desk' ELSE 'waiting' END"""
GENERATIONS = text(
    """WITH queued AS (
         SELECT generation, count(*) AS tasks, count(*) FILTER (WHERE withdrawn_at IS NOT NULL) AS withdrawn
         FROM task WHERE project_id = :project_id AND kind = 'regular' AND generation >= 0
         GROUP BY generation),
       judged AS (
         SELECT t.generation, count(*) AS judgements, count(DISTINCT t.id) AS labeled,
                count(*) FILTER (WHERE a.finish_reason = 'found_error') AS found_error,
                count(*) FILTER (WHERE a.finish_reason = 'solution') AS solution,
                count(*) FILTER (WHERE a.finish_reason IN ('bad_problem', 'give_up')) AS set_aside,
                coalesce(sum(coalesce(a.active_time_ms, a.total_time_ms)), 0) / 60000.0 AS minutes
         FROM assignment a JOIN task t ON t.id = a.task_id
         WHERE a.project_id = :project_id AND a.state = 'submitted' AND t.kind = 'regular'
         GROUP BY t.generation),
       rated AS (
         SELECT t.generation, count(*) FILTER (WHERE rating = 1) AS positive,
                count(*) FILTER (WHERE rating = 0) AS neutral,
                count(*) FILTER (WHERE rating = -1) AS negative
         FROM assignment a JOIN task t ON t.id = a.task_id
         JOIN step_label l ON l.assignment_id = a.id
         CROSS JOIN LATERAL unnest(l.ratings) AS rating
         WHERE a.project_id = :project_id AND a.state = 'submitted' AND t.kind = 'regular'
         GROUP BY t.generation)
       SELECT q.generation AS number, q.tasks, q.withdrawn,
              coalesce(j.judgements, 0) AS judgements, coalesce(j.labeled, 0) AS labeled,
              coalesce(j.found_error, 0) AS found_error, coalesce(j.solution, 0) AS solution,
              coalesce(j.set_aside, 0) AS set_aside, coalesce(j.minutes, 0) AS minutes,
              coalesce(r.positive, 0) AS positive, coalesce(r.neutral, 0) AS neutral,
              coalesce(r.negative, 0) AS negative
       FROM queued q LEFT JOIN judged j ON j.generation = q.generation
       LEFT JOIN rated r ON r.generation = q.generation
       ORDER BY q.generation DESC"""
)
QUEUE = f"""SELECT t.id, t.solution_id, s.problem_id, t.reason, t.priority, {STATE_OF} AS state,
                  p.statement, s.final_answer, p.reference_answer, s.verdict, s.steps
           FROM task t JOIN solution s ON s.id = t.solution_id JOIN problem p ON p.id = s.problem_id
           WHERE t.project_id = :project_id AND t.generation = :number AND t.kind = 'regular'
             AND (CAST(:strategy AS text) IS NULL OR t.reason->>'strategy' = :strategy)
             AND (CAST(:wanted AS text) IS NULL OR {STATE_OF} = :wanted)
           ORDER BY t.priority DESC, t.id LIMIT :limit OFFSET :offset"""  # noqa: S608 - our own text
COUNTS = f"""SELECT {STATE_OF} AS state, coalesce(t.reason->>'strategy', '') AS strategy, count(*) AS tasks
             FROM task t WHERE t.project_id = :project_id AND t.generation = :number AND t.kind = 'regular'
             GROUP BY 1, 2"""  # noqa: S608 - our own text


def list_generations(db: Session, project_id: int) -> list[dict[str, Any]]:
    """Newest first: its tasks, what was labeled, the ratings, the minutes, its model."""
    made = {
        row.number: row for row in db.scalars(select(Generation).where(Generation.project_id == project_id))
    }
    models = {row.id: row for row in db.scalars(select(Model).where(Model.project_id == project_id))}
    found = []
    for row in db.execute(GENERATIONS, {"project_id": project_id}).mappings():
        generation = made.get(row["number"])
        found.append(
            {
                **row,
                "minutes": float(row["minutes"]),
                "error_share": row["found_error"] / max(row["judgements"], 1) if row["labeled"] else None,
                "waiting": row["tasks"] - row["withdrawn"] - row["labeled"],
                "generation": generation,
                "model": models.get(generation.model_id) if generation and generation.model_id else None,
                "gate": gate_check.load_result(generation.policy.get("gate")) if generation else None,
            }
        )
    return found


def load_generation_evaluations(
    db: Session, project_id: int, found: list[dict[str, Any]]
) -> dict[int, dict[str, Any]]:
    """By generation: how its model does on the default evaluation set, and against the one before."""
    models = {each["number"]: each["model"].id for each in found if each["model"]}
    return generation_curve.load_curves(db, project_id, models)


def newest_selector(
    generations: list[dict[str, Any]], evaluations: dict[int, dict[str, Any]]
) -> dict[str, Any]:
    """About the newest generation a model selected: its gate, and its evaluation if the model is worse
    than the one before."""
    newest = next((row for row in generations if row["model"]), None)
    if newest is None:
        return {"gate": None, "regression": None}
    evaluation = evaluations.get(newest["number"])
    worse = evaluation is not None and evaluation["verdict"] == "worse"
    return {
        "gate": newest["gate"],
        "regression": {**evaluation, "model": newest["model"]} if evaluation and worse else None,
    }


def get_generation(db: Session, project_id: int, number: int) -> dict[str, Any]:
    for found in list_generations(db, project_id):
        if found["number"] == number:
            return found
    raise NotFound(f"There is no generation {number} in this project.")


def build_funnel(shown: dict[str, Any], counts: dict[str, int]) -> list[dict[str, Any]]:
    """The steps of a generation's funnel with their share of the first, for drawing. A
    generation that a round made remembers its counts; the first queue shows today's."""
    kept = shown["generation"].funnel if shown["generation"] else {}
    steps = [
        (
            "sampled",
            "solutions of problems that are not test problems",
            kept.get("sampled", counts["sampled"]),
        ),
        ("graded", "with a verdict on their final answer", kept.get("graded", counts["graded"])),
    ]
    if kept:
        steps += [
            ("scored", "read by the model, step by step", kept.get("scored", 0)),
            ("eligible", "parseable, in the chosen splits, not queued before", kept.get("eligible", 0)),
        ]
    steps += [
        ("selected", "queued for labelers", shown["tasks"]),
        ("labeled", "judged by a person", shown["labeled"]),
    ]
    most = max((count for *_, count in steps), default=0) or 1
    return [
        {"name": name, "meaning": meaning, "count": count, "width": _width(count, most)}
        for name, meaning, count in steps
    ]


def _width(count: int, most: int) -> float:
    """Of 100: square-root scale, so that 200 of 100,000 can still be seen."""
    return round(100 * math.sqrt(count / most), 2)


def list_queue(
    db: Session,
    project_id: int,
    number: int,
    model: Model | None,
    *,
    strategy: str | None = None,
    state: str | None = None,
    page: int = 1,
) -> list[dict[str, Any]]:
    """A page of the generation's tasks in queue order, each with why, and its heat strip by `model`."""
    asked = {
        "project_id": project_id,
        "number": number,
        "strategy": strategy,
        "wanted": state if state in STATES else None,
        "limit": PAGE,
        "offset": (max(1, page) - 1) * PAGE,
    }
    rows = db.execute(text(QUEUE), asked).mappings().all()
    strips = load_heat_strips(db, [row["solution_id"] for row in rows], model) if model else {}
    return [
        {
            **row,
            "strip": strips.get(row["solution_id"]),
            "strategy_label": label_of(row["reason"].get("strategy", "")),
        }
        for row in rows
    ]


def count_tasks(db: Session, project_id: int, number: int) -> dict[str, dict[str, int]]:
    """{"states": {state: tasks}, "strategies": {strategy: tasks}}."""
    states: dict[str, int] = {}
    strategies: dict[str, int] = {}
    for row in db.execute(text(COUNTS), {"project_id": project_id, "number": number}).mappings():
        states[row["state"]] = states.get(row["state"], 0) + row["tasks"]
        strategies[row["strategy"]] = strategies.get(row["strategy"], 0) + row["tasks"]
    return {"states": states, "strategies": strategies}


def list_rounds(db: Session, project_id: int, limit: int = 10) -> list[Round]:
    newest_first = select(Round).where(Round.project_id == project_id).order_by(Round.id.desc())
    return list(db.scalars(newest_first.limit(limit)))


def rating_shares(positive: int, neutral: int, negative: int) -> list[dict[str, Any]]:
    """Three parts of a bar 100 wide, with where each begins."""
    total = positive + neutral + negative
    parts, start = [], 0.0
    for name, count in (("positive", positive), ("neutral", neutral), ("negative", negative)):
        width = 100 * count / total if total else 0.0
        parts.append({"name": name, "count": count, "x": round(start, 2), "width": round(width, 2)})
        start += width
    return parts


def _waiting(count: int) -> str:
    return "1 solution waits" if count == 1 else f"{count:,} solutions wait"


def find_next_action(
    project: Project, funnel_now: dict[str, int], found: list[dict[str, Any]], labels: dict[str, int]
) -> dict[str, str] | None:
    """What a researcher should do now, and where."""
    home = f"/projects/{project.slug}"
    if not funnel_now["sampled"]:
        return {
            "say": "There are no solutions yet.",
            "do": "Import solutions",
            "href": f"{home}/imports",
            "why": "A round needs a pool of sampled solutions to choose from.",
        }
    if not found:
        return {
            "say": f"{funnel_now['sampled']:,} solutions, none of them queued.",
            "do": "Fill the queue",
            "post": f"{home}/queue",
            "why": "The first labels are of solutions drawn at random: there is no model to choose yet.",
        }
    if not labels["steps"]:
        return {
            "say": f"{_waiting(found[0]['waiting'])} for first labels.",
            "do": "Go to the desk",
            "href": f"{home}/desk",
            "why": "A round can start as soon as there are labels to learn from.",
        }
    if found[0]["waiting"] > 0:
        return {
            "say": f"{_waiting(found[0]['waiting'])} for labelers in generation {found[0]['number']}.",
            "do": "Go to the desk",
            "href": f"{home}/desk",
            "why": "Once they are labeled, the next round learns from them. You can also start it now.",
        }
    return {
        "say": f"Generation {found[0]['number']} is labeled.",
        "do": "Start the next round",
        "href": f"{home}/rounds/new",
        "why": "It trains on all labels so far, scores the pool and queues what would teach the model most.",
    }
