"""Pages of the instructions: members read them, project admins write them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from app.core.db import Db
from app.core.errors import DomainError, Invalid
from app.core.web import redirect, render, wants_json
from app.projects import instructions
from app.projects.access import Access, Member, ProjectAdmin
from app.projects.markdown import render_markdown

router = APIRouter(prefix="/projects/{slug}/instructions", include_in_schema=False)


def at(access: Access) -> str:
    return f"{access.home}/instructions"


@router.get("")
def instructions_page(request: Request, access: Member, db: Db, version: int | None = None) -> Response:
    project = access.project
    number = project.instructions_number if version is None else version
    if not 0 <= number <= project.instructions_number:
        raise Invalid("Instructions version not found.", remedy="Open the current version.")
    text = instructions.get_text(db, project, number)
    before = instructions.get_text(db, project, max(0, number - 1))
    return render(
        request,
        "projects/instructions.html",
        html=render_markdown(text),
        number=number,
        changes=instructions.diff_lines(before, text) if number > 1 else [],
        news=instructions.find_update(db, project, access.user),
        versions=instructions.list_versions(db, project),
    )


@router.post("/reading")
def read(
    request: Request, access: Member, db: Db, number: Annotated[int, Form(ge=0, le=2**31 - 1)]
) -> Response:
    instructions.acknowledge_version(db, access.project, access.user, number)
    if wants_json(request):
        return Response(status_code=204)
    return redirect(f"{access.home}/desk")


@router.get("/draft")
def draft_page(request: Request, access: ProjectAdmin) -> Response:
    return draft(request, access, access.project.instructions)


def draft(
    request: Request, access: Access, text: str, status: int = 200, wrong: DomainError | None = None,
    compare: bool = False,
) -> Response:  # fmt: skip
    """Render the form with a preview and the differences below."""
    return render(
        request, "projects/instructions_draft.html", status, text=text, wrong=wrong, compare=compare,
        html=render_markdown(text), changes=instructions.diff_lines(access.project.instructions, text),
    )  # fmt: skip


@router.post("")
def publish(
    request: Request, access: ProjectAdmin, db: Db,
    text: Annotated[str, Form(max_length=200_000)] = "", base: Annotated[int, Form(ge=0, le=2**31 - 1)] = 0,
    act: Annotated[str, Form(max_length=20)] = "publish",
) -> Response:  # fmt: skip
    try:
        if act == "preview":
            return draft(request, access, instructions.normalize_text(text), compare=True)
        version = instructions.publish_version(db, access.project, text, access.user, base)
    except DomainError as wrong:
        return draft(request, access, text, wrong.status, wrong, compare=True)
    if version is None:
        return redirect(at(access), "No changes.", "note")
    return redirect(at(access), f"Version {version.number} published. Labelers see the changes.")
