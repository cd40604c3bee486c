"""Commands of models: `stepmark model`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from app.prm.base_facts import BaseFacts
from app.projects.commands import ProjectName

model_commands = typer.Typer(no_args_is_help=True, help="Manage base models and published models.")
Name = Annotated[str, typer.Argument(help="Name of a registered base model.")]


def register(cli: typer.Typer) -> None:
    """Add this slice's commands to the command line."""
    cli.add_typer(model_commands, name="model")


@model_commands.command("add")
def add_model(
    source: Annotated[
        str, typer.Argument(help="smollm2, a folder in the format of transformers, or a .gguf file.")
    ],
    name: Annotated[str | None, typer.Option(help="Name to register. Default: from the source.")] = None,
    license_name: Annotated[
        str | None, typer.Option("--license", help="License. Default: from the model's README.")
    ] = None,
) -> None:
    """Register a base model: to train on, or as a local generator. smollm2 is downloaded and converted."""
    from app.training import base_models

    entry = base_models.add_base(source, name, license_name)
    typer.echo(f"Base model {entry.name} added: {describe_facts(entry.facts)}.")


@model_commands.command("import")
def import_model(
    folder: Annotated[
        Path, typer.Argument(help="Folder of a published reward model.", exists=True, file_okay=False)
    ],
    project: ProjectName,
) -> None:
    """Copy a published reward model into a project: to score, evaluate and select with."""
    from app.core.db import transaction
    from app.core.startup import ready_database
    from app.projects.projects import get_project_by_name
    from app.training import external_models
    from app.training.models import Model

    path = str(folder.resolve())
    with ready_database():
        with transaction() as db:
            project_id = get_project_by_name(db, project).id
        description = external_models.import_checkpoint(path, project_id)
        with transaction() as db:
            model_id = external_models.register_model(db, project_id, path, description)
            model = db.get_one(Model, model_id)
            typer.echo(f"Model {model.name} ({model.kind}) imported with ID {model.id}.")


@model_commands.command("export")
def export_model(
    name: Annotated[str, typer.Argument(help="Name or ID of a model of the project.")],
    project: ProjectName,
    out: Annotated[Path, typer.Option("--out", help="New folder.", file_okay=False)],
    form: Annotated[
        str | None,
        typer.Option("--as", help="token-classifier, sequence-classifier (outcome models) or adapter."),
    ] = None,
) -> None:
    """Export a model for transformers, TRL or vLLM. Its scores are verified without Stepmark first."""
    from app.core.db import transaction
    from app.core.errors import NotFound
    from app.core.startup import ready_database
    from app.projects.projects import get_project_by_name
    from app.training import export_model as exports

    with ready_database(), transaction() as db:
        model = exports.find_by_name(db, get_project_by_name(db, project).id, name)
        if model is None:
            raise NotFound(f"{project} has no model {name!r}.", remedy="Pass the name or ID of a model.")
        chosen = form or exports.choose_form(model)
        compared = exports.export_model(db, model, chosen, out)
        typer.echo(f"{out}: {model.name} as {chosen}, verified on {compared} solutions with transformers.")


@model_commands.command("list")
def list_models() -> None:
    """List the registered base models."""
    from app.core.base_models import list_bases

    for entry in list_bases():
        typer.echo(f"{entry.name}: {describe_facts(entry.facts)}")


@model_commands.command("show")
def show_model(name: Name) -> None:
    """Show the facts about a base model."""
    from app.core.base_models import get_base

    entry = get_base(name)
    rows = {"name": entry.name, "folder": entry.folder, "source": entry.source, **entry.facts.to_json()}
    for label, value in rows.items():
        typer.echo(f"{label.replace('_', ' ')}: {value if value is not None else 'unknown'}")


@model_commands.command("remove")
def remove_model(name: Name) -> None:
    """Remove a base model. Files that Stepmark downloaded or converted are deleted; others stay."""
    from app.training import base_models

    entry = base_models.remove_base(name)
    note = "" if entry.is_copy else f" Its folder {entry.folder} stays."
    typer.echo(f"Base model {entry.name} removed.{note}")


def describe_facts(facts: BaseFacts) -> str:
    """One line about a base, such as "LlamaForCausalLM, 134.5 million parameters, 8,192 tokens"."""
    context = f"{facts.context:,} tokens" if facts.context else "unknown context"
    return (
        f"{facts.architecture}, {facts.parameters / 1e6:,.1f} million parameters, {context}, "
        f"license {facts.license or 'unknown'}"
    )
