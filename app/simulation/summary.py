"""From the arms' files to figures: best-of-N by policy and budget, and how many labels a policy is
worth, with intervals over seeds and problems."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from app.simulation.drawing import Line, svg
from app.simulation.setting import REFERENCES

Floats = NDArray[np.float64]
TIMES = 500


def of(folders: Sequence[Path], policies: Sequence[str], test: str = "plain") -> dict[str, Any]:
    """Folders are simulations of one world that differ by seed. Every value is of best-of-N at the
    largest N unless it is a curve over N."""
    arms = {policy: [_arm(folder, policy, test) for folder in folders] for policy in policies}
    setting = orjson.loads((folders[0] / "setting.json").read_bytes())
    budgets = [int(each) for each in setting["budgets"]]
    every = budgets + [int(each) for each in setting.get("further", ())]
    draws = Draws([len(each) for each in arms[policies[0]]])
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
    if "uniform" in arms:
        base = arms["uniform"]
        found["worth"] = {
            name: worth(base, rows, every, draws) for name, rows in arms.items() if name != "uniform"
        }
        if len(every) > len(budgets):
            found["further"] = {"budgets": every, **draws.interval([each[:, :, -1] for each in base])}
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
    for name in told if "uniform" in told else ():
        pairs = zip(told["uniform"], told[name], strict=True)
        ratios = [ratio(one, other, every) for one, other in pairs]
        found[name]["worth"] = [None if each is None else round(each, 3) for each in ratios]
    return found


def _results(folder: Path, policy: str) -> list[dict[str, Any]]:
    paths = sorted((folder / "arms" / policy).glob("*.json"), key=lambda path: int(path.stem))
    return [orjson.loads(path.read_bytes()) for path in paths]


def _shares(folder: Path, policy: str, test: str) -> list[float]:
    return [each["tests"][test]["steps_told_right"] for each in _results(folder, policy)]


def _told(rows: list[Floats], draws: Draws) -> dict[str, Any]:
    return {
        "by_budget": draws.interval([each[:, :, -1] for each in rows]),
        "by_n": draws.interval([each[:, -1, :] for each in rows]),
    }


class Draws:
    """Seeds are drawn, then problems of each: what one writer finds hard, its problems share. The same
    draws serve every arm, so that differences are paired."""

    def __init__(self, counts: Sequence[int], times: int = TIMES, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self.weights = []
        for _ in range(times):
            drawn = rng.multinomial(len(counts), np.full(len(counts), 1 / len(counts)))
            self.weights.append(
                [
                    share * rng.multinomial(count, np.full(count, 1 / count)) / count / len(counts)
                    for share, count in zip(drawn, counts, strict=True)
                ]
            )

    def means(self, rows: Sequence[Floats]) -> Floats:
        """rows: by seed, [problems, columns]; [times, columns]."""
        return np.array([sum(w @ each for w, each in zip(ws, rows, strict=True)) for ws in self.weights])

    def interval(self, rows: Sequence[Floats]) -> dict[str, list[float]]:
        low, high = np.quantile(self.means(rows), [0.025, 0.975], axis=0)
        mean = np.mean([each.mean(0) for each in rows], axis=0)
        parts = {"mean": mean, "low": low, "high": high}
        return {name: [round(float(value), 4) for value in part] for name, part in parts.items()}


def worth(uniform: list[Floats], rows: list[Floats], budgets: list[int], draws: Draws) -> dict[str, Any]:
    """How many uniformly drawn labels one of the policy's is worth, at equal accuracy. None where the
    means, or most of the draws behind the interval, reach no accuracy in common."""
    one, other = ([each[:, :, -1] for each in some] for some in (uniform, rows))
    ratios = [ratio(u, p, budgets) for u, p in zip(draws.means(one), draws.means(other), strict=True)]
    mean = ratio(np.mean([e.mean(0) for e in one], 0), np.mean([e.mean(0) for e in other], 0), budgets)
    known = [each for each in ratios if each is not None]
    if mean is None or len(known) < len(ratios) / 2:
        return {"ratio": None, "low": None, "high": None}
    low, high = np.quantile(known, [0.025, 0.975])
    return {"ratio": round(mean, 3), "low": round(float(low), 3), "high": round(float(high), 3)}


def ratio(uniform: Floats, policy: Floats, budgets: Sequence[int]) -> float | None:
    """Labels uniform choice needs over labels the policy needs, the geometric mean over accuracies
    that both reach after the first budget, which they share. Curves are made to rise (`rising`) and
    read linearly in the log of labels. None where they reach none in common.

    >>> round(ratio(np.array([0.2, 0.4, 0.6]), np.array([0.2, 0.6, 0.7]), [100, 200, 400]), 2)
    1.44
    """
    logs = np.log(budgets)  # of the longer curve; the other may end sooner
    one, other = rising(uniform), rising(policy)
    low, high = max(one[0], other[0]), min(one[-1], other[-1])
    if high <= low:
        return None
    levels = np.linspace(low, high, 21)[1:]
    return float(
        np.exp(np.mean([_labels(one, logs, level) - _labels(other, logs, level) for level in levels]))
    )


def rising(curve: Floats) -> Floats:
    """The nearest curve in squares that never falls (isotonic regression by pooling adjacent
    violators: Ayer et al. 1955): what falls is luck, and so is part of what rises before it.

    >>> rising(np.array([0.1, 0.4, 0.2, 0.5])).round(2).tolist()
    [0.1, 0.3, 0.3, 0.5]
    """
    pools: list[tuple[float, int]] = []
    for value in curve:
        mean, count = float(value), 1
        while pools and pools[-1][0] >= mean:
            before, beside = pools.pop()
            mean, count = (before * beside + mean * count) / (beside + count), beside + count
        pools.append((mean, count))
    return np.repeat([mean for mean, _ in pools], [count for _, count in pools])


def _labels(curve: Floats, logs: Floats, level: float) -> float:
    """Log of the labels at which a rising curve first reaches `level`."""
    place = int(np.searchsorted(curve, level - 1e-12))
    if place == 0:
        return float(logs[0])
    before, after = curve[place - 1], curve[place]
    share = (level - before) / (after - before)
    return float(logs[place - 1] + share * (logs[place] - logs[place - 1]))


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
