"""One policy in a project of its own, from the import to the last budget. Every part looks first whether
it was done: in the project, or in the arm's folder."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import orjson

from app.common.atomic_files import write_json
from app.problems import grading
from app.simulation.config import Setting
from app.simulation.datasets import Material
from app.simulation.end_to_end import measurements, world_files
from app.simulation.end_to_end.scripted_labelers import Judge, Shift
from app.simulation.end_to_end.server import Api, House, answer
from app.simulation.policies import get_policy
from app.world.kinds import WORLDS
from app.world.kinds.base import flip_ratings
from app.world.writer.model import LONGEST

SETS = {"Validation": {"splits": ["validation"]}, "Test": {"splits": ["test"], "source": "plain"}}
"""The first becomes the project's default, which the gate asks."""


@dataclass
class Arm:
    house: House
    project_id: int
    slug: str
    boss: httpx.Client
    crew: Sequence[httpx.Client]
    setting: Setting
    policy: str
    material: Material
    base: Path
    """The writer's folder, where this Stepmark keeps models."""
    folder: Path
    """The seed's."""
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def api(self) -> Api:
        return Api(self.house, self.boss, self.slug)

    def said(self, what: str, **more: Any) -> dict[str, Any]:
        return {"phase": f"{self.policy}: {what}", **more}

    def result(self, budget: int) -> Path:
        return self.folder / "arms" / self.policy / f"{budget}.json"

    def play(self) -> None:
        if all(self.result(budget).is_file() for budget in self.setting.counts):
            return
        self.result(0).parent.mkdir(parents=True, exist_ok=True)
        self.begin()
        sets = self.evaluation_sets()
        for place, budget in enumerate(self.setting.counts):
            self.seconds = {}
            with self.timed("labeling"):
                self.label()
            with self.timed("round"):
                model_id = self.teach(place, budget)
            if not self.result(budget).is_file():
                with self.timed("judging"):
                    evaluation_id = self.judge(sets["Test"], model_id)
                write_json(self.result(budget), self.told(place, budget, evaluation_id))

    @contextmanager
    def timed(self, name: str) -> Any:
        begun = time.monotonic()
        yield
        self.seconds[name] = round(time.monotonic() - begun, 1)

    def begin(self) -> None:
        """The first solutions come in alone and are queued; then everything else."""
        self.bring_in(world_files.FIRST)
        if not measurements.queued(self.project_id):
            self.api.post("/queue", {"limit": self.setting.first})
        self.bring_in(world_files.REST)
        said = self.said("answers are graded")
        self.house.until(lambda: None if grading.waiting(self.project_id) else True, said)

    def bring_in(self, name: str) -> None:
        there = answer(self.boss.get(f"{self.api.base}/imports"))
        found = [each["id"] for each in there if each["filename"] == name]  # type: ignore[index]
        if not found:
            with (self.folder / name).open("rb") as file:
                sent = {"files": {"file": (name, file)}, "data": {"format": "stepmark"}}
                found = [answer(self.boss.post(f"{self.api.base}/imports", **sent))["id"]]  # type: ignore[arg-type]
        self.api.finished(f"/imports/{found[0]}", self.said(f"importing {name}"))

    def evaluation_sets(self) -> dict[str, int]:
        """Frozen before anything is trained."""
        there = {each["name"]: each["id"] for each in self.api.get("/evaluation-sets")["evaluation_sets"]}
        for name, definition in SETS.items():
            if name not in there:
                made = self.api.post("/evaluation-sets", {"name": name, "definition": definition})
                there[name] = made["id"]
        return there

    def label(self) -> None:
        """All that waits, by every labeler at once."""
        counts = self.api.get("/queue")
        if not counts["waiting"] and not counts["in_progress"]:
            return
        shift = Shift(self.crew, self.slug, self.judge_of())
        try:
            self.house.until(shift.over, self.said("labeling", waiting=counts["waiting"]))
        finally:
            shift.end()

    def judge_of(self) -> Judge:
        """The world's judge, who errs as often as the setting says; the same in every arm."""
        world, known = WORLDS[self.setting.world], world_files.known(self.material)

        def judge(statement: str, steps: list[str]) -> list[int]:
            chance = random.Random(f"{self.setting.seed} {statement} {steps}")  # noqa: S311 - repeatable
            return flip_ratings(world.rate(known[statement], steps), self.setting.noise, chance)

        return judge

    def teach(self, place: int, budget: int) -> int:
        """A model of the labels so far, and the next queue unless this is the last budget."""
        last = place == len(self.setting.counts) - 1
        model_id = None
        if last or (not get_policy(self.policy).retrains and place):
            model_id = self.training(budget)
        if last:
            return model_id  # type: ignore[return-value]
        rounds = sorted(self.api.get("/rounds")["rounds"], key=lambda each: each["id"])
        if place < len(rounds):
            number = rounds[place]["id"]
        else:
            chooser = rounds[0]["outputs"]["model_id"] if model_id else None
            number = self.api.post("/rounds", self.round_config(place, budget, chooser))["id"]
        done = self.api.finished(f"/rounds/{number}", self.said("a round", labels=budget))
        return int(model_id or done["outputs"]["model_id"])

    def training(self, budget: int) -> int:
        """A training without a round: nothing is chosen with it."""
        kept = self.folder / "arms" / self.policy / f"{budget}.training"
        known = orjson.loads(kept.read_bytes()) if kept.is_file() else {}
        if known.get("project") != self.project_id:
            made = self.api.post("/training-runs", {"train": self.train(budget), "data": self.data()})
            known = {"project": self.project_id, "id": made["id"]}
            write_json(kept, known)
        done = self.api.finished(f"/training-runs/{known['id']}", self.said("training", labels=budget))
        return int(done["model_id"])

    def round_config(self, place: int, budget: int, chooser: int | None) -> dict[str, Any]:
        rules = get_policy(self.policy)
        return {
            "policy": {
                "size": self.setting.counts[place + 1] - budget,
                "shares": dict(rules.mixture.shares) if rules.mixture else {},
                "per_problem": self.setting.per_problem,
                "seed": (self.setting.seed * 7919 + budget) % 2**31,
            },
            "gate": {
                "if_failed": "random" if rules.gated else "proceed",
                "if_inconclusive": "proceed",
                "min_problems": 2,
                "min_solutions": 2,
            },
            "data": {} if chooser else self.data(),
            "train": {} if chooser else self.train(budget),
            "model_id": chooser,
        }

    def data(self) -> dict[str, Any]:
        return {"held_out": 0.0}

    def train(self, labels: int) -> dict[str, Any]:
        """As models.trained does it: few labels are read more often."""
        return {
            "base": str(self.base),
            "objective": "prm3",
            "max_length": LONGEST,
            "epochs": self.setting.epochs(labels),
            "learning_rate": self.setting.rate,
            "batch_size": 32,
            "group_by": "none",
            "evaluations": 0,
            "seed": self.setting.seed * 1000 % 2**31,
            "device": "cpu",
            "threads": self.setting.threads,
        }

    def judge(self, set_id: int, model_id: int) -> int:
        """The evaluation of the model on the test problems."""
        mine = [
            each["id"]
            for each in self.api.get("/evaluations")["evaluations"]
            if (each["evaluation_set_id"], each["model_id"]) == (set_id, model_id)
            and each["state"] not in ("failed", "cancelled")
        ]
        config = {"subsets": 20, "resamples": 200}
        asked = {"set_id": set_id, "model_id": model_id, "config": config}
        number = mine[0] if mine else self.api.post("/evaluations", asked)["id"]
        self.api.finished(f"/evaluations/{number}", self.said("judging"))
        return int(number)

    def told(self, place: int, budget: int, evaluation_id: int) -> dict[str, Any]:
        """As arms.run writes it."""
        rounds = sorted(self.api.get("/rounds")["rounds"], key=lambda each: each["id"])
        names = [world_files.name_of("plain", number) for number in range(len(self.material.tests["plain"]))]
        return {
            "policy": self.policy,
            "budget": budget,
            "queued": measurements.queued(self.project_id, up_to=place),
            "selector": rounds[place - 1]["outputs"]["gate"] if place else None,
            "negative": measurements.negative(self.project_id, up_to=place),
            "tests": {"plain": measurements.best_of(evaluation_id, names)},
            "seconds": self.seconds,
        }
