"""Commands of simulations: `stepmark simulate`. It needs no database."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from app.simulation import policies
from app.simulation.config import BASELINES
from app.simulation.policies import DEFAULT_POLICIES, POLICIES

Policies = Annotated[
    list[str] | None, typer.Option("--policy", help=f"One of {', '.join(POLICIES)}. Repeatable.")
]
Out = Annotated[Path, typer.Option("--out", file_okay=False, help="Folder of the simulation.")]
ConfigFile = Annotated[
    Path | None,
    typer.Option("--config", exists=True, dir_okay=False, help="JSON; see docs/simulations.md."),
]
Seeds = Annotated[list[int] | None, typer.Option("--seed", min=0, help="Repeatable. Default: 0.")]


def register(cli: typer.Typer) -> None:
    """Add this slice's commands to the command line."""
    cli.command()(simulate)


def simulate(
    out: Out,
    world: Annotated[str, typer.Option(help="chains, knockout, misprints, lineage or ordering.")] = "chains",
    policy: Policies = None,
    seed: Seeds = None,
    config: ConfigFile = None,
    quick: Annotated[bool, typer.Option("--quick", help="Run at one tenth of the size.")] = False,
) -> None:
    """Compare selection policies in a small world. Press Ctrl-C to stop. Run the same command again to
    continue."""
    from app.core import config_file
    from app.core.errors import Invalid
    from app.simulation.request import SIZES, SimulationRequest, resolve_config

    chosen = policies.require_policies(policy or DEFAULT_POLICIES)
    seeds = tuple(dict.fromkeys(seed or [0]))
    options = {**config_file.read_config(config), "world": world, "seed": seeds[0]}
    resolved = resolve_config(SIZES["quick" if quick else "small"], options)
    from transformers.utils.logging import disable_progress_bar

    from app.simulation import run

    disable_progress_bar()
    try:
        configs = SimulationRequest(resolved, chosen, seeds).configs()
        summary = run.simulate(configs, chosen, out, _progress_printer())
    except run.OtherConfigError as error:
        raise Invalid(f"{error}.", remedy="Choose another folder with --out.") from error
    for line in format_summary(summary):
        typer.echo(line)
    typer.echo(f"Curves are in {out / 'result.json'}", err=True)


def _progress_printer() -> Callable[[dict[str, Any]], None]:
    """Prints each report that differs from the last one, with the seconds since the start."""
    started, last = time.monotonic(), dict[str, Any]()

    def report(progress: dict[str, Any]) -> None:
        nonlocal last
        if progress == last:
            return
        last = progress
        values = ", ".join(
            f"{name} {value:.3g}" if isinstance(value, float) else f"{name} {value}"
            for name, value in progress.items()
            if name != "phase"
        )
        separator = ": " if values else ""
        typer.echo(f"{time.monotonic() - started:6.0f} s  {progress['phase']}{separator}{values}", err=True)

    return report


def format_summary(summary: dict[str, Any]) -> list[str]:
    """The summary as a table."""
    baselines = summary["baselines"]
    lines = [
        f"Best of {summary['n'][-1]} on {summary['world']}, by labeled solutions",
        f"{'':58}" + "".join(f"{budget:>9,}" for budget in summary["budgets"]),
    ]
    for name, curves in summary["policies"].items():
        cells = "".join(f"{100 * value:8.1f}%" for value in curves["by_budget"]["mean"])
        lines.append(f"{policies.label_of(name):58}{cells}")
    levels = [(label, baselines[name]["mean"][-1]) for name, label in BASELINES.items() if name in baselines]
    for label, value in [*levels, ("random pick (pass@1)", baselines["oracle"]["mean"][0])]:
        lines.append(f"{label:58}{100 * value:8.1f}%")
    for name, efficiency in summary.get("label_efficiency", {}).items():
        ratio = (
            "cannot be computed, because no accuracy is reached by both policies"
            if efficiency["ratio"] is None
            else "{ratio:.2f} random labels (95% interval {low:.2f} to {high:.2f})".format(**efficiency)
        )
        lines.append(f"Label efficiency of {name}: {ratio}")
    return lines
