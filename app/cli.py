"""The command line's root: `stepmark`. Each slice brings its own commands."""

from __future__ import annotations

import typer

from app.accounts import commands as accounts
from app.exchange import commands as exchange
from app.labeling import commands as labeling
from app.projects import commands as projects
from app.selection import commands as selection
from app.training import commands as training

cli = typer.Typer(
    name="stepmark",
    no_args_is_help=True,
    help="Process supervision as one loop: label steps, retrain the PRM, queue convincing wrong answers.",
    pretty_exceptions_enable=False,
)
for part in (accounts, projects, exchange, labeling, training, selection):
    part.register(cli)


def main() -> None:
    cli()
