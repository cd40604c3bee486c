"""Commands of simulation: `stepmark simulate`. The fast form needs no database."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from app.simulation import policies
from app.simulation.config import REFERENCES
from app.simulation.policies import DEFAULT_POLICIES, POLICIES
from app.simulation.sizes import QUICK, QUICK_FULL

Policies = Annotated[
    list[str] | None, typer.Option("--policy", help=f"One of {', '.join(POLICIES)}. Repeatable.")
]
Out = Annotated[Path, typer.Option("--out", file_okay=False, help="The simulation's folder.")]
Config = Annotated[
    Path | None,
    typer.Option("--config", exists=True, dir_okay=False, help="JSON; see docs/simulations.md."),
]
Seeds = Annotated[list[int] | None, typer.Option("--seed", min=0, help="Again for another. Usually 0.")]
Full = Annotated[
    bool, typer.Option("--full", help="Through desk, rounds and worker of a Stepmark started for it.")
]
Labelers = Annotated[int, typer.Option(min=1, max=64, help="With --full: how many label at once.")]


def register(cli: typer.Typer) -> None:
    """Add this slice's commands to the command line."""
    cli.command()(simulate)


def simulate(
    out: Out,
    world: Annotated[str, typer.Option(help="chains, knockout, misprints, lineage or ordering.")] = "chains",
    policy: Policies = None,
    seed: Seeds = None,
    config: Config = None,
    quick: Annotated[bool, typer.Option("--quick", help="A tenth of the size: to see how it goes.")] = False,
    full: Full = False,
    labelers: Labelers = 3,
) -> None:
    """Try selection policies in a world with an exact judge, before people's time is spent on them.
    Ctrl-C at any time; started again with the same folder it goes on."""
    from app.core import config_file
    from app.core.errors import Invalid
    from app.simulation.request import Asked, sized

    chosen = policies.require_policies(policy or DEFAULT_POLICIES)
    seeds = list(dict.fromkeys(seed or [0]))
    size = (QUICK_FULL if full else QUICK) if quick else {}
    told = {**config_file.read_config(config), "world": world, "seed": seeds[0]}
    asked = Asked(sized(size, told), chosen, tuple(seeds))
    from transformers.utils.logging import disable_progress_bar

    from app.simulation.run import AnotherSetting

    disable_progress_bar()
    try:
        found = _play(asked, out, labelers if full else None)
    except AnotherSetting as error:
        raise Invalid(f"{error}.", remedy="Choose another folder with --out.") from error
    for line in lines(found):
        typer.echo(line)
    typer.echo(f"Figures and result.json are in {out}", err=True)


def _play(asked: Any, out: Path, labelers: int | None) -> dict[str, Any]:
    """The full form where there are labelers."""
    from app.simulation.run import AnotherSetting, several

    is_full = (out / "simulation.json").is_file()
    if is_full != (labelers is not None) and (is_full or (out / "setting.json").is_file()):
        raise AnotherSetting(f"{out} holds a simulation of the {'full' if is_full else 'fast'} form")
    if labelers is None:
        return several(asked.settings(), asked.policies, out, _teller())
    from app.simulation.end_to_end import run

    return run.play(asked, out, labelers, _teller())


def _teller() -> Callable[[dict[str, Any]], None]:
    begun = time.monotonic()
    last: list[dict[str, Any]] = [{}]

    def tell(said: dict[str, Any]) -> None:
        if said == last[0]:
            return
        last[0] = said
        rest = ", ".join(f"{key} {value:.3g}" if isinstance(value, float) else f"{key} {value}"
                         for key, value in said.items() if key != "phase")  # fmt: skip
        typer.echo(
            f"{time.monotonic() - begun:6.0f} s  {said['phase']}{': ' if rest else ''}{rest}", err=True
        )

    return tell


def lines(found: dict[str, Any]) -> list[str]:
    """The summary as a table."""
    most = found["n"][-1]
    head = "".join(f"{budget:>9,}" for budget in found["budgets"])
    said = [f"Best of {most} on {found['world']}, by labeled solutions", f"{'':58}{head}"]
    for name, each in found["policies"].items():
        cells = "".join(f"{100 * value:8.1f}%" for value in each["by_budget"]["mean"])
        said.append(f"{policies.label_of(name):58}{cells}")
    for name, label in REFERENCES.items():
        if name in found["references"]:
            said.append(f"{label:58}{100 * found['references'][name]['mean'][-1]:8.1f}%")
    said.append(f"{'blind choice (pass@1)':58}{100 * found['references']['oracle']['mean'][0]:8.1f}%")
    for name, each in found.get("worth", {}).items():
        if each["ratio"] is None:
            said.append(f"What a label by {name} is worth cannot be told: no accuracy is reached by both")
        else:
            said.append(
                f"A label by {name} is worth {each['ratio']:.2f} drawn at random "
                f"(95 % interval {each['low']:.2f} to {each['high']:.2f})"
            )
    return said
