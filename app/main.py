"""The web's root: routers, middleware, error handlers. It never imports torch."""

from __future__ import annotations

from importlib.metadata import version
from types import ModuleType

from fastapi import APIRouter, FastAPI
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.staticfiles import StaticFiles

from app import run_registry as _registry  # noqa: F401  every kind of run
from app.accounts import api as accounts_api
from app.accounts import sign_in_views as accounts_views
from app.accounts.access import Public
from app.core import error_pages, health
from app.core.api import PROBLEMS, BearerToken, install_document, operation_id
from app.core.parameters import NoUnknownFilters, NoUnknownParameters
from app.core.security import SecurityMiddleware
from app.core.web import STATIC
from app.evaluation import api as evaluation_api
from app.evaluation import views as evaluation_views
from app.exchange import api as exchange_api
from app.exchange import views as exchange_views
from app.explorer import api as explorer_api
from app.explorer import views as explorer_views
from app.generators import api as generators_api
from app.generators import rollout_views
from app.generators import views as generators_views
from app.lab import api as lab_api
from app.lab import views as lab_views
from app.labeling import api as labeling_api
from app.labeling import shortcut_views
from app.labeling import views as labeling_views
from app.overview import views as overview_views
from app.problems import api as problems_api
from app.problems import views as problems_views
from app.projects import api as projects_api
from app.projects import views as projects_views
from app.quality import views as quality_views
from app.runs import api as runs_api
from app.runs import views as runs_views
from app.selection import api as selection_api
from app.selection import views as selection_views
from app.simulation import api as simulation_api
from app.simulation import views as simulation_views
from app.training import api as training_api
from app.training import views as training_views

PAGES = (
    labeling_views,  # first: routes are tried in turn, and the desk asks most
    accounts_views,
    shortcut_views,
    projects_views,
    overview_views,
    problems_views,
    explorer_views,
    generators_views,
    rollout_views,
    exchange_views,
    training_views,
    selection_views,
    quality_views,
    evaluation_views,
    lab_views,
    simulation_views,
    runs_views,
)
APIS = (
    accounts_api,
    projects_api,
    labeling_api,
    problems_api,
    explorer_api,
    generators_api,
    exchange_api,
    training_api,
    selection_api,
    evaluation_api,
    lab_api,
    simulation_api,
    runs_api,
)


def create_app() -> FastAPI:
    web = FastAPI(version=version("stepmark"), docs_url=None, redoc_url=None, openapi_url=None)
    install_document(web)
    web.mount("/static", GZipMiddleware(StaticFiles(directory=STATIC), minimum_size=1000), name="static")
    web.add_middleware(SecurityMiddleware)
    error_pages.install_handlers(web)
    web.include_router(health.router, dependencies=[Public], generate_unique_id_function=operation_id)
    for part in PAGES:
        web.include_router(_router_of(part), dependencies=[NoUnknownFilters])
    for part in APIS:
        web.include_router(
            _router_of(part),
            dependencies=[NoUnknownParameters, BearerToken],
            responses=PROBLEMS,
            generate_unique_id_function=operation_id,
        )
    return web


def _router_of(part: ModuleType) -> APIRouter:
    """A slice whose routes depend on a registry builds its router when the application is created."""
    build = getattr(part, "build_router", None)
    router: APIRouter = build() if build else part.router
    return router


app = create_app()
