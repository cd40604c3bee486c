"""The routes of the app with the least role that may call each, read from the app itself."""

from __future__ import annotations

from collections.abc import Callable

from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts
from starlette.routing import Mount

from app.accounts import access as accounts
from app.main import create_app
from app.projects import access as projects

APP = create_app()
ROLES = ("nobody", "stranger", "labeler", "researcher", "admin", "site_admin")
MEMBER = {
    projects.require_member: "labeler",
    projects.require_researcher: "researcher",
    projects.require_project_admin: "admin",
}


def routes() -> list[tuple[str, str, Dependant]]:
    routes_by_method = []
    for context in iter_route_contexts(APP.routes):
        if isinstance(context.original_route, Mount):
            assert context.path == "/static"  # files for everyone; nothing else may be mounted
            continue
        routes_by_method += [(method, context.path, context.dependant) for method in context.methods]  # type: ignore[attr-defined]
    return routes_by_method


def rules_of(dependant: Dependant) -> set[Callable[..., object]]:
    rules = {dependant.call} & accounts.RULES if dependant.call else set()
    for inner in dependant.dependencies:
        rules |= rules_of(inner)
    return rules


def least(dependant: Dependant) -> str:
    """The least of ROLES that may pass."""
    rules = rules_of(dependant)
    assert rules, "no rule"
    if accounts.require_site_admin in rules:
        return "site_admin"
    needed = [role for rule, role in MEMBER.items() if rule in rules]
    if needed:
        return max(needed, key=ROLES.index)
    return "stranger" if accounts.require_signed_in in rules else "nobody"
