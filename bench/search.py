"""Test-time search in a small world: accuracy against budget, by strategy and difficulty.

    python bench/search.py [--world chains] [--problems 60] [--most 16] [--labels 2000] [--revise 1000]

A small language model learns to write solutions of the world; a PRM that starts from it learns the
exact judge's ratings of `--labels` of its solutions, up to the first error; a reviser that starts from
it learns from trajectories over `--revise` problems. Then every strategy of the lab spends every budget
on fresh problems, through the lab's own code, and the lab's curves are printed, with what each cost in
operations. Nothing but the CPU is used."""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import Any

import torch
from transformers import DynamicCache

from app.lab import curves, figures
from app.lab.budget_sweep import measure_problem
from app.lab.config import STRATEGIES, SweepConfig
from app.lab.model_scorer import ModelScorer, count_parameters
from app.lab.search_context import SearchContext
from app.prm.config import ScoreConfig, TrainConfig
from app.prm.encoding import Encoder
from app.prm.examples import Example
from app.prm.finetune_lm import FinetuneConfig, finetune
from app.prm.train import train
from app.search.protocols import Continuation, ContinuationRequest, Steps
from app.search.revisions import build_trajectories
from app.simulation.config import Setting
from app.world.kinds import WORLDS
from app.world.kinds.base import ANSWER, World, final_answer, up_to_first_error
from app.world.writer.model import LINE, LONGEST, RIGHT, SPECIALS, WRONG, Writer
from app.world.writer.sample import sample_solutions
from app.world.writer.train import TrainingSchedule, train_writer

MOST_WORDS = 96
TEMPERATURE = 0.7
START = SPECIALS["bos_token"]


class Writing:
    """The small language model as a proposer: equally long prefixes are gone on with side by side."""

    def __init__(self, writer: Writer) -> None:
        self.writer, self.encoder = writer, Encoder(writer.tokenizer, LONGEST)
        known = writer.tokenizer.get_vocab()
        self.words = sorted(known, key=known.__getitem__)
        self.line, self.end = known[LINE], int(writer.tokenizer.eos_token_id)
        self.never = torch.tensor([known[word] for word in ("<pad>", "<s>", "<unk>", RIGHT, WRONG)])

    def propose(
        self, problem: str, asks: Sequence[ContinuationRequest], steps: int | None
    ) -> list[Continuation]:
        asked = [self.encoder.encode(problem, ask.prefix).ids for ask in asks]
        return self.drawn(asked, [ask.seed for ask in asks], steps)

    def drawn(
        self, asked: Sequence[list[int]], seeds: Sequence[int | None], steps: int | None
    ) -> list[Continuation]:
        """What follows these ids."""
        by_length: dict[int, list[int]] = {}
        for place, ids in enumerate(asked):
            by_length.setdefault(len(ids), []).append(place)
        found: list[Continuation] = [Continuation((), False, 0)] * len(asked)
        for places in by_length.values():
            now = torch.tensor([asked[place] for place in places])
            rows = self._rows(now, [seeds[place] for place in places], steps)
            for place, row in zip(places, rows, strict=True):
                found[place] = self._read(row)
        return found

    @torch.inference_mode()
    def _rows(self, now: torch.Tensor, seeds: list[int | None], steps: int | None) -> list[list[int]]:
        chances = [None if seed is None else torch.Generator().manual_seed(seed) for seed in seeds]
        cache, rows = DynamicCache(config=self.writer.body.config), [[] for _ in seeds]
        left = [steps or MOST_WORDS] * len(seeds)
        for _ in range(min(MOST_WORDS, LONGEST - now.shape[1])):
            states = self.writer.body(input_ids=now, past_key_values=cache, use_cache=True).last_hidden_state
            logits = self.writer.logits(states[:, -1])
            logits[:, self.never] = -torch.inf
            drawn = []
            for place, chance in enumerate(chances):
                likely = (logits[place] / TEMPERATURE).softmax(0)
                token = int(likely.argmax() if chance is None else likely.multinomial(1, generator=chance))
                drawn.append(token)
                if left[place]:
                    rows[place].append(token)
                    left[place] = 0 if token == self.end else left[place] - (token == self.line)
            if not any(left):
                break
            now = torch.tensor(drawn)[:, None]
        return rows

    def _read(self, row: list[int]) -> Continuation:
        text = " ".join(self.words[token] for token in row if token != self.end)
        steps = tuple(line.strip() for line in text.split(LINE) if line.strip())
        over = bool(row) and row[-1] == self.end
        return Continuation(steps, over or bool(steps and steps[-1].startswith(ANSWER)), len(row))


class Revising(Writing):
    """Writes as the writer does, and revises as the reviser was taught to."""

    def __init__(self, writer: Writer, reviser: Writer) -> None:
        super().__init__(writer)
        self.reviser = Writing(reviser)

    def revise(
        self, problem: str, attempts: Sequence[Sequence[Steps]], seeds: Sequence[int]
    ) -> Sequence[Continuation]:
        encode = self.reviser.writer.tokenizer.encode
        return self.reviser.drawn([encode(shown(problem, each)) for each in attempts], seeds, None)


def shown(problem: str, attempts: Sequence[Steps]) -> str:
    """What the reviser reads, in words of its own: an empty line ends an attempt."""
    return START + said([problem, *(line for steps in attempts for line in (*steps, ""))])


def said(lines: Sequence[str]) -> str:
    return " ".join(f"{line} {LINE}".strip(" ") for line in lines)


def reviser_of(
    world: World, writer: Writer, base: Path, count: int, folder: Path, seed: int
) -> tuple[Writer, int]:
    """Taught on trajectories of the writer's own solutions, by the lab's code for it; and how many."""
    chance = random.Random(f"trajectories {seed}")  # noqa: S311
    posed = [world.draw(chance) for _ in range(count)]
    written = sample_solutions(
        writer, [each.statement for each in posed], 16, seed + 1, temperature=TEMPERATURE
    )
    pairs = []
    for number, (each, solutions) in enumerate(zip(posed, written, strict=True)):
        right = [tuple(steps) for steps in solutions if final_answer(steps) == each.answer]
        wrong = [tuple(steps) for steps in solutions if final_answer(steps) not in (None, each.answer)]
        for one in build_trajectories(right, wrong, seed=number) if wrong else ():
            pairs.append((shown(each.statement, one.wrong), said(one.right)))
    config = FinetuneConfig(
        epochs=6.0, learning_rate=5e-4, at_once=32, max_length=LONGEST, seed=seed, device="cpu", threads=1
    )
    finetune(config, base, pairs, folder)
    return Writer.load(folder), len(pairs)


class Answers:
    """As lab/answer_grader.py, for a world: its answer is a word, and the judge knows the right one."""

    def __init__(self, reference: str) -> None:
        self.reference = reference

    def answer_classes(self, solutions: Sequence[Steps]) -> list[int]:
        known: dict[str, int] = {self.reference: 0}
        said = [final_answer(steps) for steps in solutions]
        return [-1 if each is None else known.setdefault(each, len(known)) for each in said]

    def verdict(self, steps: Steps) -> str:
        said = final_answer(steps)
        return "unparseable" if said is None else "correct" if said == self.reference else "incorrect"

    def grade_all(self, solutions: Sequence[Steps]) -> tuple[list[int], list[bool]]:
        return self.answer_classes(solutions), [self.verdict(steps) == "correct" for steps in solutions]


class InTheWorld(SearchContext):
    def answers(self, reference: str | None) -> Any:
        return Answers(reference or "")


def labeled(world: World, writer: Writer, count: int, seed: int) -> list[Example]:
    """Solutions of the model's own, rated by the judge as a labeler does who stops at the first error."""
    chance = random.Random(f"labels {seed}")  # noqa: S311
    posed = [world.draw(chance) for _ in range(count)]
    written = sample_solutions(writer, [each.statement for each in posed], 1, seed, temperature=TEMPERATURE)
    examples = []
    for each, (steps,) in zip(posed, written, strict=True):
        if steps:
            ratings = up_to_first_error(world.rate(each, steps))
            rest = [None] * (len(steps) - len(ratings))
            examples.append(Example(each.statement, steps, [*ratings, *rest]))
    return examples


def judge_of(base: Path, examples: list[Example], folder: Path, seed: int) -> ModelScorer:
    config = TrainConfig(
        base=str(base), label_tokens=(WRONG, RIGHT), max_length=LONGEST,
        epochs=Setting().epochs(len(examples)), learning_rate=Setting().rate, group_by="none", evaluations=0,
        checkpoint_seconds=86_400, seed=seed, device="cpu", threads=1,
    )  # fmt: skip
    made = train(config, examples, folder, lambda _: None, lambda: None, "bench").published
    assert made is not None
    return ModelScorer(made, ScoreConfig(threads=1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--world", choices=list(WORLDS), default="chains")
    parser.add_argument("--problems", type=int, default=60)
    parser.add_argument("--most", type=int, default=16)
    parser.add_argument("--labels", type=int, default=2000)
    parser.add_argument("--revise", type=int, default=2000, help="Problems of the reviser's; 0: none.")
    parser.add_argument("--reading", type=int, default=1500, help="Steps the language model learns for.")
    parser.add_argument("--base", type=Path, help="A writer's folder, instead of one that learns here.")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(1)
    world, begun = WORLDS[given.world], time.monotonic()
    strategies = tuple(name for name in STRATEGIES if given.revise or not name.startswith("revisions"))
    config = SweepConfig(most=given.most, problems=given.problems, strategies=strategies, seed=given.seed)
    with tempfile.TemporaryDirectory(prefix="bench-search-") as scratch:
        base = given.base or Path(scratch) / "base"
        if not given.base:
            train_writer(world, TrainingSchedule(steps=given.reading), given.seed).save(base)
        writer = Writer.load(base)
        judge = judge_of(
            base, labeled(world, writer, given.labels, given.seed), Path(scratch) / "run", given.seed
        )
        proposer = Writing(writer)
        if given.revise:
            reviser, count = reviser_of(
                world, writer, base, given.revise, Path(scratch) / "reviser", given.seed
            )
            proposer = Revising(writer, reviser)
            print(f"reviser taught by {count:,} trajectories")
        print(f"models made in {time.monotonic() - begun:.0f} s", flush=True)
        tools = InTheWorld(proposer, judge, None, LINE, Event(), None, count_parameters(writer.body))  # type: ignore[arg-type]
        chance = random.Random(f"problems {given.seed}")  # noqa: S311
        rows = []
        for _ in range(given.problems):
            posed = world.draw(chance)
            problem: Any = SimpleNamespace(statement=posed.statement, reference_answer=posed.answer)
            rows.append(measure_problem(problem, config, tools, lambda _: None))
            print(
                f"\r{len(rows)} of {given.problems} problems, {time.monotonic() - begun:.0f} s",
                end="",
                flush=True,
            )
    results = curves.build_results(rows, config) | {
        "parameters": judge.parameters,
        "generator_parameters": tools.generator_parameters,
    }
    tell(results)
    if given.out:
        given.out.write_text(json.dumps({"config": config.to_json(), "results": results}, indent=1))


def tell(results: dict[str, Any]) -> None:
    print(f"\n{results['problems']} problems, pass@1 {100 * results['pass_at_1']:.1f} %\n")
    print("| strategy | " + " | ".join(map(str, results["budgets"])) + " |")
    print("| --- |" + " ---: |" * len(results["budgets"]))
    for _, label, curve in figures.iter_curves(results):
        cells = zip(curve["mean"], curve["low"], curve["high"], strict=True)
        said = (
            "–" if at is None else f"{100 * at:.0f} ({100 * low:.0f} to {100 * high:.0f})"
            for at, low, high in cells
        )
        print(f"| {label} | " + " | ".join(said) + " |")
    print("\ncomputation, in plain solutions (generated and read):")
    for name, values in figures.flops_by_budget(results, results["generator_parameters"]).items():
        print(
            f"  {STRATEGIES[name]:<22}"
            + "".join("      –" if each is None else f"{each:7.1f}" for each in values)
        )


if __name__ == "__main__":
    main()
