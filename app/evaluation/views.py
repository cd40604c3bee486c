"""Pages of evaluation sets, evaluations, models and comparisons."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from app.accounts import users
from app.core.db import Db
from app.core.web import redirect, render, render_polled
from app.evaluation import comparisons, external_scores, queries, runs, sets
from app.evaluation.config import LABEL_FILTERS
from app.evaluation.models import Comparison, Evaluation
from app.problems import queries as problem_queries
from app.problems.models import SPLITS
from app.projects.access import Researcher
from app.runs import actions
from app.training import label_sources
from app.training import queries as training_queries

router = APIRouter(prefix="/projects/{slug}", include_in_schema=False)
Text = Annotated[str, Form()]
Number = Annotated[int, Form(ge=0, lt=2**62)]


@router.get("/evaluations")
def evaluations_page(request: Request, access: Researcher, db: Db) -> Response:
    frozen = sets.list_sets(db, access.project.id)
    ready = [evaluation_set for evaluation_set in frozen if evaluation_set.state == "succeeded"]
    return render(
        request,
        "evaluation/evaluations.html",
        sets=frozen,
        evaluations=queries.list_evaluations(db, access.project.id),
        models=training_queries.list_models(db, access.project.id),
        external_scores=sorted(
            {
                name
                for evaluation_set in ready[:10]
                for name in external_scores.list_external_scores(db, evaluation_set.id)
            }
        ),
        splits=SPLITS,
        labels=LABEL_FILTERS,
        choices=problem_queries.filter_choices(db, access.project.id),
    )


@router.post("/evaluation-sets")
def create_set(
    access: Researcher,
    db: Db,
    name: Text = "",
    split: Text = "validation",
    subject: Text = "",
    level: Text = "",
    labels: Text = "any",
    least_solutions: Number = 2,
    most_problems: Annotated[str, Form(pattern=r"^\d{0,9}$")] = "",
) -> Response:
    definition: dict[str, Any] = {
        "splits": [split],
        "subject": subject or None,
        "level": level or None,
        "labels": labels,
        "least_solutions": least_solutions,
        "most_problems": int(most_problems) if most_problems else None,
    }
    evaluation_set = sets.create_set(db, access.project.id, name, definition, access.user)
    return redirect(f"{access.home}/evaluation-sets/{evaluation_set.id}", "Evaluation set created.")


@router.get("/evaluation-sets/{set_id}")
def set_page(request: Request, access: Researcher, db: Db, set_id: int) -> Response:
    evaluation_set = sets.get_set(db, access.project.id, set_id)
    return render(
        request,
        "evaluation/set.html",
        set=evaluation_set,
        by=users.find_user_by_id(db, evaluation_set.created_by),
        evaluations=queries.list_evaluations(db, access.project.id, set_id=evaluation_set.id),
        models=training_queries.list_models(db, access.project.id),
        external_scores=external_scores.list_external_scores(db, evaluation_set.id)
        if evaluation_set.state == "succeeded"
        else [],
    )


@router.post("/evaluation-sets/{set_id}/default")
def set_default(access: Researcher, db: Db, set_id: int) -> Response:
    evaluation_set = sets.get_set(db, access.project.id, set_id)
    sets.set_default(db, evaluation_set, access.user)
    return redirect(f"{access.home}/evaluation-sets/{set_id}", "Default set changed.")


@router.post("/evaluations")
def start_evaluation(access: Researcher, db: Db, set_id: Number, judged: Text) -> Response:
    """`judged` is the ID of a model or the name of external scores."""
    evaluation_set = sets.get_set(db, access.project.id, set_id)
    if judged.isdecimal():
        evaluation = runs.start(db, evaluation_set, {}, access.user, model_id=int(judged))
    else:
        evaluation = runs.start(
            db, evaluation_set, {}, access.user, external_score_name=judged.replace("\0", "")[:200]
        )
    return redirect(f"{access.home}/evaluations/{evaluation.id}", "Evaluation started.")


@router.get("/evaluations/{evaluation_id}")
def evaluation_page(request: Request, access: Researcher, db: Db, evaluation_id: int) -> Response:
    evaluation = runs.find(db, access.project.id, evaluation_id)
    return render(request, "evaluation/evaluation.html", **_evaluation(db, evaluation))


def _evaluation(db: Db, evaluation: Evaluation) -> dict[str, Any]:
    return {
        "evaluation": evaluation,
        "name": queries.get_name(db, evaluation),
        "set": sets.get_set(db, evaluation.project_id, evaluation.evaluation_set_id),
        "plots": queries.list_plots(evaluation),
        "rivals": queries.list_rivals(db, evaluation) if evaluation.state == "succeeded" else [],
    }


@router.get("/evaluations/{evaluation_id}/progress")
def evaluation_progress(request: Request, access: Researcher, db: Db, evaluation_id: int) -> Response:
    evaluation = runs.find(db, access.project.id, evaluation_id)
    over = evaluation.state not in runs.ACTIVE
    return render_polled(request, "evaluation/_progress.html", over=over, evaluation=evaluation)


@router.post("/evaluations/{evaluation_id}/cancellation")
def cancel_evaluation(access: Researcher, db: Db, evaluation_id: int) -> Response:
    actions.cancel_run(db, runs.find(db, access.project.id, evaluation_id), access.user)
    return redirect(f"{access.home}/evaluations/{evaluation_id}", "Evaluation cancelled.", "note")


@router.get("/evaluations/{evaluation_id}/plots/{plot}.{form}")
def evaluation_plot(access: Researcher, db: Db, evaluation_id: int, plot: str, form: str) -> Response:
    evaluation = runs.find(db, access.project.id, evaluation_id)
    return queries.find_plot(queries.list_plots(evaluation), plot).response(
        form, f"evaluation-{evaluation.id}-{plot}"
    )


@router.get("/models/{model_id}")
def model_page(request: Request, access: Researcher, db: Db, model_id: int) -> Response:
    model = training_queries.get_model(db, access.project.id, model_id)
    snapshot_id = model.snapshot_id
    frozen = training_queries.get_snapshot(db, access.project.id, snapshot_id) if snapshot_id else None
    newest = queries.find_newest(db, access.project.id, model.id)
    judged = _evaluation(db, newest) if newest else {"evaluation": None, "plots": [], "rivals": []}
    return render(
        request,
        "evaluation/model.html",
        model=model,
        snapshot=frozen,
        labels=label_sources.describe_source(frozen.definition) if frozen else "",
        evaluations=queries.list_evaluations(db, access.project.id, model_id=model.id),
        sets=[
            evaluation_set
            for evaluation_set in sets.list_sets(db, access.project.id)
            if evaluation_set.state != "failed"
        ],
        **judged,
    )


@router.post("/comparisons")
def start_comparison(access: Researcher, db: Db, first_id: Number, second_id: Number) -> Response:
    first, second = (runs.find(db, access.project.id, run_id) for run_id in (first_id, second_id))
    comparison = comparisons.create(db, first, second, access.user.id)
    return redirect(f"{access.home}/comparisons/{comparison.id}")


@router.get("/comparisons/{comparison_id}")
def comparison_page(request: Request, access: Researcher, db: Db, comparison_id: int) -> Response:
    comparison = comparisons.find(db, access.project.id, comparison_id)
    return render(request, "evaluation/comparison.html", **_comparison(db, comparison))


def _comparison(db: Db, comparison: Comparison) -> dict[str, Any]:
    evaluations = queries.load_pair(db, comparison)
    return {
        "comparison": comparison,
        "names": queries.get_pair_names(db, comparison),
        "evaluations": evaluations,
        "set": sets.get_set(db, comparison.project_id, evaluations[0].evaluation_set_id),
        "plots": queries.list_comparison_plots(db, comparison),
        "solutions": queries.load_solutions(db, comparison.results),
    }


@router.get("/comparisons/{comparison_id}/progress")
def comparison_progress(request: Request, access: Researcher, db: Db, comparison_id: int) -> Response:
    comparison = comparisons.find(db, access.project.id, comparison_id)
    over = comparison.state not in runs.ACTIVE
    return render_polled(request, "evaluation/_comparison_progress.html", over=over, comparison=comparison)


@router.get("/comparisons/{comparison_id}/plots/{plot}.{form}")
def comparison_plot(access: Researcher, db: Db, comparison_id: int, plot: str, form: str) -> Response:
    comparison = comparisons.find(db, access.project.id, comparison_id)
    figure = queries.find_plot(queries.list_comparison_plots(db, comparison), plot)
    return figure.response(form, f"comparison-{comparison.id}-{plot}")
