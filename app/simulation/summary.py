"""From the arms' files to figures: best-of-N by policy and budget, and how many labels a policy is
worth, with intervals over seeds and problems."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from app.simulation import label_efficiency
from app.simulation.config import REFERENCES
from app.simulation.policies import BASELINE
from app.simulation.svg_plot import Line, svg

Floats = NDArray[np.float64]
Worths = dict[str, label_efficiency.Worth]


def of(folders: Sequence[Path], policies: Sequence[str], test: str = "plain") -> dict[str, Any]:
    """Folders are simulations of one world that differ by seed. Every value is of best-of-N at the
    largest N unless it is a curve over N."""
    arms = {policy: [_arm(folder, policy, test) for folder in folders] for policy in policies}
    setting = orjson.loads((folders[0] / "setting.json").read_bytes())
    budgets, every = _budgets(folders[0])
    draws = label_efficiency.Draws([len(each) for each in arms[policies[0]]])
    found: dict[str, Any] = {
        "world": setting["world"],
        "test": test,
        "seeds": len(folders),
        "budgets": budgets,
    }
    found["policies"] = {
        name: _told([each[:, : len(budgets)] for each in rows], draws) for name, rows in arms.items()
    }
    known = [orjson.loads((folder / "references.json").read_bytes())[test] for folder in folders]
    found["n"] = [2**place for place in range(len(known[0]["oracle"][0]))]
    found["references"] = {
        name: draws.interval([np.array(each[name]) for each in known]) for name in known[0]
    }
    if BASELINE in arms:
        base = arms[BASELINE]
        found["worth"] = {
            name: label_efficiency.worth([label_efficiency.Pair(_last(base), _last(rows), every, draws)])
            for name, rows in arms.items()
            if name != BASELINE
        }
        if len(every) > len(budgets):
            found["further"] = {"budgets": every, **draws.interval(_last(base))}
    if all("steps_told_right" in each["tests"][test] for each in _results(folders[0], policies[0])):
        found["steps_told"] = steps_told(folders, policies, test, budgets, every)
    return found


def _arm(folder: Path, policy: str, test: str) -> Floats:
    """[problems, budgets, N]."""
    told = [each["tests"][test]["best_of"] for each in _results(folder, policy)]
    return np.array(told).transpose(1, 0, 2)


def steps_told(
    folders: Sequence[Path], policies: Sequence[str], test: str, budgets: list[int], every: list[int]
) -> dict[str, Any]:
    """By policy: the share of steps told right from wrong, by budget, the mean over seeds; and what a
    label is worth at equal share, by seed (None as in `worth`). There are a hundred steps to a problem's
    one best answer, so these differ less by luck."""
    told = {
        name: np.array([_shares(folder, name, test) for folder in folders])  # [seeds, budgets]
        for name in policies
    }
    found: dict[str, Any] = {
        name: {"mean": each.mean(0)[: len(budgets)].round(4).tolist()} for name, each in told.items()
    }
    for name in told if BASELINE in told else ():
        pairs = zip(told[BASELINE], told[name], strict=True)
        ratios = [label_efficiency.ratio(one, other, every) for one, other in pairs]
        found[name]["worth"] = [None if each is None else round(each, 3) for each in ratios]
    return found


def _results(folder: Path, policy: str) -> list[dict[str, Any]]:
    paths = sorted((folder / "arms" / policy).glob("*.json"), key=lambda path: int(path.stem))
    return [orjson.loads(path.read_bytes()) for path in paths]


def _shares(folder: Path, policy: str, test: str) -> list[float]:
    return [each["tests"][test]["steps_told_right"] for each in _results(folder, policy)]


def _told(rows: list[Floats], draws: label_efficiency.Draws) -> dict[str, Any]:
    return {
        "by_budget": draws.interval(_last(rows)),
        "by_n": draws.interval([each[:, -1, :] for each in rows]),
    }


def over_worlds(worlds: Sequence[Sequence[Path]], policies: Sequence[str], test: str = "plain") -> Worths:
    """What a label is worth over several worlds, with seeds and problems drawn within each."""
    pairs: dict[str, list[label_efficiency.Pair]] = {policy: [] for policy in policies}
    for seed, folders in enumerate(worlds):
        base, every = _last([_arm(folder, BASELINE, test) for folder in folders]), _budgets(folders[0])[1]
        draws = label_efficiency.Draws([len(each) for each in base], seed=seed)
        for policy in policies:
            rows = _last([_arm(folder, policy, test) for folder in folders])
            pairs[policy].append(label_efficiency.Pair(base, rows, every, draws))
    return {policy: label_efficiency.worth(each) for policy, each in pairs.items()}


def _budgets(folder: Path) -> tuple[list[int], list[int]]:
    """Those of every arm; and with those that the uniform arm has beyond them."""
    setting = orjson.loads((folder / "setting.json").read_bytes())
    budgets = [int(each) for each in setting["budgets"]]
    return budgets, budgets + [int(each) for each in setting.get("further", ())]


def _last(rows: Sequence[Floats]) -> list[Floats]:
    """At the largest N."""
    return [each[:, :, -1] for each in rows]


def draw(found: dict[str, Any], folder: Path) -> None:
    """labels.svg: accuracy by labels; best-of-n.svg: by N at the largest budget."""
    most = found["n"][-1]
    lines = [Line(name, **each["by_budget"]) for name, each in found["policies"].items()]
    title = f"{found['world']}: best of {most} by labeled solutions"
    (folder / "labels.svg").write_text(svg(title, "labeled solutions", found["budgets"], lines))
    told = found["references"]
    lines = [Line(f"PRM, {name}", **each["by_n"]) for name, each in found["policies"].items()]
    lines += [Line(label, **told[name]) for name, label in REFERENCES.items() if name in told]
    title = f"{found['world']}: best of N after {found['budgets'][-1]} labeled solutions"
    (folder / "best-of-n.svg").write_text(svg(title, "N", found["n"], lines))
