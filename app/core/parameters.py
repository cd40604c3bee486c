"""Query parameters: unknown names are refused, and models of parameters are parsed from a URL."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar, get_args, get_origin

from fastapi import Depends, Request
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from starlette.datastructures import QueryParams

from app.core.errors import Invalid

Model = TypeVar("Model", bound=BaseModel)


async def refuse_unknown_parameters(request: Request) -> None:
    """Raise Invalid for a query parameter that the endpoint does not declare. Without this check a misspelled
    filter would return everything."""
    route = request.scope.get("route")
    if request.query_params and isinstance(route, APIRoute):
        allowed = list_parameters(route) - request.path_params.keys()
        require_known(request.query_params.keys(), allowed)


async def refuse_unknown_filters(request: Request) -> None:
    """The same for pages: those that declare filters refuse others. A page that reads its query itself checks
    it itself."""
    route = request.scope.get("route")
    if request.query_params and isinstance(route, APIRoute) and route.endpoint not in OWN_QUERY:
        allowed = list_parameters(route) - request.path_params.keys()
        if allowed:
            require_known(request.query_params.keys(), allowed)


NoUnknownParameters = Depends(refuse_unknown_parameters, scope="function")
NoUnknownFilters = Depends(refuse_unknown_filters, scope="function")
OWN_QUERY: set[Callable[..., object]] = set()
F = TypeVar("F", bound=Callable[..., object])


def checks_own_query(endpoint: F) -> F:
    """Mark a page that reads parameters which its signature does not declare."""
    OWN_QUERY.add(endpoint)
    return endpoint


def list_parameters(route: APIRoute) -> set[str]:
    """The names of the query parameters that a route and its dependencies declare. In a nested router, parts
    of the path that its parent has are among them."""
    names: set[str] = set()
    waiting = [route.dependant]
    while waiting:
        dependant = waiting.pop()
        waiting += dependant.dependencies
        for parameter in dependant.query_params:
            annotation = parameter.field_info.annotation
            if isinstance(annotation, type) and issubclass(annotation, BaseModel):
                names |= set(annotation.model_fields)
            else:
                names.add(parameter.alias)
    return names


def require_known(names: Iterable[str], allowed: Iterable[str]) -> None:
    unknown = sorted(set(names) - set(allowed))
    if unknown:
        options = ", ".join(sorted(allowed))
        raise Invalid(
            f"Unknown parameter {unknown[0][:50]!r}.",
            remedy=f"Valid parameters: {options}." if options else "This address takes no parameters.",
        )


def parse_parameters(model: type[Model], query: QueryParams) -> Model:
    """A model of parameters from an address, for endpoints that choose the model themselves."""
    require_known(query.keys(), model.model_fields)
    values: dict[str, Any] = {
        name: query.getlist(name) if is_list(field.annotation) else query[name]
        for name, field in model.model_fields.items()
        if name in query
    }
    return validate_parameters(model, values)


def validate_parameters(model: type[Model], values: dict[str, Any]) -> Model:
    """Raises Invalid with the name of the parameter and what is expected."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise Invalid(describe_validation_error(error), remedy="Correct it and try again.") from None


def describe_validation_error(error: ValidationError) -> str:
    problems = []
    for detail in error.errors(include_url=False, include_input=False)[:5]:
        field = ".".join(str(part) for part in detail["loc"][:1])
        message = detail["msg"].removeprefix("Value error, ")
        problems.append(f"{field}: {message}" if field else message)
    return "; ".join(problems).encode("utf-8", "replace").decode()[:500] + "."


def is_list(annotation: Any) -> bool:
    return get_origin(annotation) is list or any(get_origin(part) is list for part in get_args(annotation))
