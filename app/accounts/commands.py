"""Commands of accounts."""

import typer


def register(cli: typer.Typer) -> None:
    """Add this slice's commands to the command line."""
