"""Test-time search in a small world: accuracy by budget, method and difficulty.

    python bench/search.py [--world chains] [--problems 60] [--most 16] [--labels 2000] [--revise 1000]

A small language model is trained to write solutions of the world. A PRM that starts from it is trained on the
exact ratings of `--labels` of its solutions, up to the first error, and a reviser on trajectories over
`--revise` problems. Every method then spends every budget on new problems, by the code of app/lab. Prints
accuracy curves and compute. Runs on the CPU."""

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
from app.simulation.config import SimulationConfig
from app.world.kinds import WORLDS
from app.world.kinds.base import ANSWER, World, final_answer, up_to_first_error
from app.world.writer.model import LINE, LONGEST, RIGHT, SPECIALS, WRONG, Writer
from app.world.writer.sample import sample_solutions
from app.world.writer.train import TrainingSchedule, train_writer

MOST_WORDS = 96
DEFAULTS = SimulationConfig()
TEMPERATURE = 0.7
START = SPECIALS["bos_token"]


class WriterProposer:
    """The small language model as a proposer. Prefixes of equal length are continued in one batch."""

    def __init__(self, writer: Writer) -> None:
        self.writer, self.encoder = writer, Encoder(writer.tokenizer, LONGEST)
        vocabulary = writer.tokenizer.get_vocab()
        self.tokens = sorted(vocabulary, key=vocabulary.__getitem__)
        self.line, self.end = vocabulary[LINE], int(writer.tokenizer.eos_token_id)
        self.never = torch.tensor([vocabulary[word] for word in ("<pad>", "<s>", "<unk>", RIGHT, WRONG)])

    def propose(
        self, problem: str, asks: Sequence[ContinuationRequest], steps: int | None
    ) -> list[Continuation]:
        prompts = [self.encoder.encode(problem, ask.prefix).ids for ask in asks]
        return self.sample(prompts, [ask.seed for ask in asks], steps)

    def sample(
        self, prompts: Sequence[list[int]], seeds: Sequence[int | None], steps: int | None
    ) -> list[Continuation]:
        """Continuations of token ids."""
        by_length: dict[int, list[int]] = {}
        for place, ids in enumerate(prompts):
            by_length.setdefault(len(ids), []).append(place)
        continuations: list[Continuation] = [Continuation((), False, 0)] * len(prompts)
        for places in by_length.values():
            batch = torch.tensor([prompts[place] for place in places])
            rows = self._rows(batch, [seeds[place] for place in places], steps)
            for place, row in zip(places, rows, strict=True):
                continuations[place] = self._decode(row)
        return continuations

    @torch.inference_mode()
    def _rows(self, ids: torch.Tensor, seeds: list[int | None], steps: int | None) -> list[list[int]]:
        chances = [None if seed is None else torch.Generator().manual_seed(seed) for seed in seeds]
        cache, rows = DynamicCache(config=self.writer.body.config), [[] for _ in seeds]
        left = [steps or MOST_WORDS] * len(seeds)
        for _ in range(min(MOST_WORDS, LONGEST - ids.shape[1])):
            states = self.writer.body(input_ids=ids, past_key_values=cache, use_cache=True).last_hidden_state
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
            ids = torch.tensor(drawn)[:, None]
        return rows

    def _decode(self, row: list[int]) -> Continuation:
        text = " ".join(self.tokens[token] for token in row if token != self.end)
        steps = tuple(line.strip() for line in text.split(LINE) if line.strip())
        complete = bool(row) and row[-1] == self.end
        return Continuation(steps, complete or bool(steps and steps[-1].startswith(ANSWER)), len(row))


class RevisingProposer(WriterProposer):
    """Samples from the writer, and revises with the reviser."""

    def __init__(self, writer: Writer, reviser: Writer) -> None:
        super().__init__(writer)
        self.reviser = WriterProposer(reviser)

    def revise(
        self, problem: str, attempts: Sequence[Sequence[Steps]], seeds: Sequence[int]
    ) -> Sequence[Continuation]:
        encode = self.reviser.writer.tokenizer.encode
        prompts = [encode(format_attempts(problem, steps)) for steps in attempts]
        return self.reviser.sample(prompts, seeds, None)


def format_attempts(problem: str, attempts: Sequence[Steps]) -> str:
    """The input of the reviser. An empty line ends an attempt."""
    return START + format_lines([problem, *(line for steps in attempts for line in (*steps, ""))])


def format_lines(lines: Sequence[str]) -> str:
    return " ".join(f"{line} {LINE}".strip(" ") for line in lines)


def train_reviser(
    world: World, writer: Writer, base: Path, count: int, folder: Path, seed: int
) -> tuple[Writer, int]:
    """A reviser trained on trajectories of the writer's solutions, and the number of trajectories."""
    chance = random.Random(f"trajectories {seed}")  # noqa: S311
    problems = [world.draw(chance) for _ in range(count)]
    written = sample_solutions(
        writer, [problem.statement for problem in problems], 16, seed + 1, temperature=TEMPERATURE
    )
    pairs = []
    for number, (problem, solutions) in enumerate(zip(problems, written, strict=True)):
        right = [tuple(steps) for steps in solutions if final_answer(steps) == problem.answer]
        wrong = [tuple(steps) for steps in solutions if final_answer(steps) not in (None, problem.answer)]
        for trajectory in build_trajectories(right, wrong, seed=number) if wrong else ():
            pairs.append(
                (format_attempts(problem.statement, trajectory.wrong), format_lines(trajectory.right))
            )
    config = FinetuneConfig(
        epochs=6.0,
        learning_rate=5e-4,
        micro_batch_size=32,
        max_length=LONGEST,
        seed=seed,
        device="cpu",
        threads=1,
    )
    finetune(config, base, pairs, folder)
    return Writer.load(folder), len(pairs)


class Answers:
    """lab/answer_grader.py for a world, whose answers are single words."""

    def __init__(self, reference: str) -> None:
        self.reference = reference

    def answer_classes(self, solutions: Sequence[Steps]) -> list[int]:
        classes: dict[str, int] = {self.reference: 0}
        answers = [final_answer(steps) for steps in solutions]
        return [-1 if answer is None else classes.setdefault(answer, len(classes)) for answer in answers]

    def verdict(self, steps: Steps) -> str:
        answer = final_answer(steps)
        return "unparseable" if answer is None else "correct" if answer == self.reference else "incorrect"

    def grade_all(self, solutions: Sequence[Steps]) -> tuple[list[int], list[bool]]:
        return self.answer_classes(solutions), [self.verdict(steps) == "correct" for steps in solutions]


class WorldContext(SearchContext):
    def answers(self, reference: str | None) -> Any:
        return Answers(reference or "")


def label_solutions(world: World, writer: Writer, count: int, seed: int) -> list[Example]:
    """Solutions of the writer with their exact ratings up to the first error."""
    chance = random.Random(f"labels {seed}")  # noqa: S311
    problems = [world.draw(chance) for _ in range(count)]
    written = sample_solutions(
        writer, [problem.statement for problem in problems], 1, seed, temperature=TEMPERATURE
    )
    examples = []
    for problem, (steps,) in zip(problems, written, strict=True):
        if steps:
            ratings = up_to_first_error(world.rate(problem, steps))
            rest = [None] * (len(steps) - len(ratings))
            examples.append(Example(problem.statement, steps, [*ratings, *rest]))
    return examples


def train_scorer(base: Path, examples: list[Example], folder: Path, seed: int) -> ModelScorer:
    config = TrainConfig(
        base=str(base), label_tokens=(WRONG, RIGHT), max_length=LONGEST,
        epochs=DEFAULTS.scaled_epochs(len(examples)), learning_rate=DEFAULTS.learning_rate,
        group_by="none", evaluations=0, checkpoint_seconds=86_400, seed=seed, device="cpu", threads=1,
    )  # fmt: skip
    model = train(config, examples, folder, lambda _: None, lambda: None, "bench").published
    assert model is not None
    return ModelScorer(model, ScoreConfig(threads=1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--world", choices=list(WORLDS), default="chains")
    parser.add_argument("--problems", type=int, default=60)
    parser.add_argument("--most", type=int, default=16)
    parser.add_argument("--labels", type=int, default=2000)
    parser.add_argument("--revise", type=int, default=2000, help="Problems of the reviser; 0 trains none.")
    parser.add_argument("--reading", type=int, default=1500, help="Training steps of the language model.")
    parser.add_argument("--base", type=Path, help="Folder of a trained writer.")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    world, started = WORLDS[arguments.world], time.monotonic()
    strategies = tuple(name for name in STRATEGIES if arguments.revise or not name.startswith("revisions"))
    config = SweepConfig(
        most=arguments.most, problems=arguments.problems, strategies=strategies, seed=arguments.seed
    )
    with tempfile.TemporaryDirectory(prefix="bench-search-") as scratch:
        base = arguments.base or Path(scratch) / "base"
        if not arguments.base:
            train_writer(world, TrainingSchedule(steps=arguments.reading), arguments.seed).save(base)
        writer = Writer.load(base)
        scorer = train_scorer(
            base,
            label_solutions(world, writer, arguments.labels, arguments.seed),
            Path(scratch) / "run",
            arguments.seed,
        )
        proposer = WriterProposer(writer)
        if arguments.revise:
            reviser, count = train_reviser(
                world, writer, base, arguments.revise, Path(scratch) / "reviser", arguments.seed
            )
            proposer = RevisingProposer(writer, reviser)
            print(f"reviser trained on {count:,} trajectories")
        print(f"models trained in {time.monotonic() - started:.0f} s", flush=True)
        tools = WorldContext(proposer, scorer, None, LINE, Event(), None, count_parameters(writer.body))  # type: ignore[arg-type]
        chance = random.Random(f"problems {arguments.seed}")  # noqa: S311
        rows = []
        for _ in range(arguments.problems):
            drawn = world.draw(chance)
            problem: Any = SimpleNamespace(statement=drawn.statement, reference_answer=drawn.answer)
            rows.append(measure_problem(problem, config, tools, lambda _: None))
            print(
                f"\r{len(rows)} of {arguments.problems} problems, {time.monotonic() - started:.0f} s",
                end="",
                flush=True,
            )
    results = curves.build_results(rows, config) | {
        "parameters": scorer.parameters,
        "generator_parameters": tools.generator_parameters,
    }
    print_results(results)
    if arguments.out:
        arguments.out.write_text(json.dumps({"config": config.to_json(), "results": results}, indent=1))


def print_results(results: dict[str, Any]) -> None:
    print(f"\n{results['problems']} problems, pass@1 {100 * results['pass_at_1']:.1f} %\n")
    print("| method | " + " | ".join(map(str, results["budgets"])) + " |")
    print("| --- |" + " ---: |" * len(results["budgets"]))
    for _, label, curve in figures.iter_curves(results):
        cells = zip(curve["mean"], curve["low"], curve["high"], strict=True)
        texts = (
            "–" if at is None else f"{100 * at:.0f} ({100 * low:.0f} to {100 * high:.0f})"
            for at, low, high in cells
        )
        print(f"| {label} | " + " | ".join(texts) + " |")
    print("\ncompute, in generated solutions (generation and scoring):")
    for name, values in figures.flops_by_budget(results, results["generator_parameters"]).items():
        print(
            f"  {STRATEGIES[name]:<22}"
            + "".join("      –" if value is None else f"{value:7.1f}" for value in values)
        )


if __name__ == "__main__":
    main()
