"""Scoring a pool: the prefix tree against the plain pass, and against reading a prefix per step.

    python bench/scoring.py [--data FILE.jsonl] [--size medium] [--threads N] [--device cuda]

Three ways to the same numbers, one after the other in turns, with one model of random weights:

* tree:       Stepmark's Scorer: what solutions begin with in common is computed once
* padded:     what a plain transformers script does: batches of 16 in the order they come (random),
              padded to the longest, one pass a solution, the head at step ends
* per prefix: a pass for every step over all that comes before it, in padded batches of 16: what
              scoring through a text interface costs

FILE.jsonl has rows with `question` and `code` (a list of solutions, steps apart by blank lines), as
QwenLM/Qwen2.5-Math publishes them; without it, a pool of the same shape is made up. Prints tokens
computed over distinct prefix-tree tokens, which no noise touches, and solutions a second. With
--count only the first, for all of FILE, without computing anything."""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).parent.parent))

import torch

from app.prm import checkpoint
from app.prm.batch_layout import build_padded_batch, count_distinct_tokens, iter_batches
from app.prm.config import SIZES, ScoreConfig, TrainConfig
from app.prm.encoding import train_tokenizer
from app.prm.examples import TokenRow
from app.prm.model import build_model
from app.prm.predict import Scorer

Solution = tuple[str, list[str]]
BATCH = 16


def real(path: Path) -> list[Solution]:
    pool = []
    for line in path.read_text().splitlines():
        row = json.loads(line)
        for text in row["code"]:
            steps = [piece.strip() for piece in text.split("\n\n") if piece.strip()]
            pool.append((row["question"], steps))
    return pool


def sample_solutions(problems: int = 100, samples: int = 8) -> list[Solution]:
    """Problems of some 70 words, solutions of 4 to 12 steps; one in three begins as another does."""
    draw = random.Random(3)  # noqa: S311
    vocabulary = [
        "sum",
        "of",
        "the",
        "two",
        "is",
        "so",
        "we",
        "find",
        "x",
        "=",
        "17",
        "half",
        "then",
        "+",
        "4",
    ]
    text = lambda low, high: " ".join(draw.choices(vocabulary, k=draw.randint(low, high)))  # noqa: E731
    pool = []
    for _ in range(problems):
        problem, first = text(40, 100), text(15, 40)
        for number in range(samples):
            steps = [text(15, 40) for _ in range(draw.randint(4, 12))]
            pool.append((problem, [first, *steps] if number % 3 == 0 else steps))
    return pool


def model_folder(pool: list[Solution], size: str, folder: Path) -> Path:
    texts = [piece for problem, steps in pool for piece in (problem, *steps)]
    tokenizer = train_tokenizer(texts, 8192)
    config = TrainConfig().replace(size=size, architecture="qwen2", max_length=8192)
    torch.manual_seed(0)
    model = build_model(config, len(tokenizer), int(tokenizer.pad_token_id))
    card = {"config": config.to_json(), "snapshot": "", "metrics": {}}
    checkpoint.save(folder, model, tokenizer, card)
    return folder


class Plain:
    """The same model and rows, padded in batches of 16 in the order given."""

    def __init__(self, scorer: Scorer) -> None:
        self.scorer, self.computed = scorer, 0

    @torch.no_grad()
    def pass_over(self, rows: list[TokenRow]) -> None:
        for start in range(0, len(rows), BATCH):
            batch = build_padded_batch(rows[start : start + BATCH], self.scorer.pad)
            self.computed += batch.computed_tokens
            self.scorer.model(batch.to(self.scorer.device)).softmax(1).cpu()

    def score_padded(self, pool: list[Solution]) -> None:
        self.pass_over([self.scorer.encoder.encode(*solution) for solution in pool])

    def per_prefix(self, pool: list[Solution]) -> None:
        rows = [self.scorer.encoder.encode(*solution) for solution in pool]
        self.pass_over([TokenRow(row.ids[: end + 1], [end], [-100]) for row in rows for end in row.ends])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path)
    parser.add_argument("--size", default="medium", choices=sorted(SIZES))
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--tokens", type=int, default=0, help="of a micro-batch; 0: found")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--solutions", type=int, default=0, help="only so many (whole problems first)")
    parser.add_argument("--count", action="store_true", help="tokens only")
    arguments = parser.parse_args()
    pool = real(arguments.data) if arguments.data else sample_solutions()
    pool = pool[: arguments.solutions or None]
    random.Random(0).shuffle(pool)  # noqa: S311
    with TemporaryDirectory() as place:
        config = ScoreConfig(
            device=arguments.device, threads=arguments.threads, tokens_per_batch=arguments.tokens
        )
        scorer = Scorer(model_folder(pool, arguments.size, Path(place) / "model"), config)
        (count if arguments.count else compare)(scorer, pool, arguments.turns)


def count(scorer: Scorer, pool: list[Solution], _: int) -> None:
    rows = [scorer.encoder.encode(*solution) for solution in pool]
    distinct = count_distinct_tokens(rows)
    prefixes = [row.ids[: end + 1] for row in rows for end in row.ends]
    tokens = {
        "tree": sum(batch.computed_tokens for batch in iter_batches(rows, "tree", scorer.budget.tokens, 0)),
        "packed": sum(len(row.ids) for row in rows),
        "padded": in_sixteens([row.ids for row in rows]),
        "per prefix": in_sixteens(prefixes),
    }
    print(f"{len(pool)} solutions, {distinct:,} distinct tokens, micro-batches of {scorer.budget.tokens:,}")
    print("| way | tokens computed | computed / distinct |\n|---|---:|---:|")
    for name, number in tokens.items():
        print(f"| {name} | {number:,} | {number / distinct:.2f} |")


def in_sixteens(texts: list[list[int]]) -> int:
    groups = [texts[start : start + BATCH] for start in range(0, len(texts), BATCH)]
    return sum(len(group) * max(map(len, group)) for group in groups)


def compare(scorer: Scorer, pool: list[Solution], turns: int) -> None:
    rows = [scorer.encoder.encode(*solution) for solution in pool]
    distinct, read = count_distinct_tokens(rows), sum(len(row.ids) for row in rows)
    plain = Plain(scorer)
    part = pool[: max(8, len(pool) // 10)]
    ways: dict[str, tuple[Callable[[], object], int]] = {
        "tree": (lambda: scorer.score(pool), len(pool)),
        "padded": (lambda: plain.score_padded(pool), len(pool)),
        "per prefix": (lambda: plain.per_prefix(part), len(part)),
    }
    scorer.score(pool[:16])  # settles the layout, warms up
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    tokens: dict[str, int] = {}
    for _ in range(turns):
        for name, (way, count) in ways.items():
            scorer.computed = plain.computed = 0
            start = time.perf_counter()
            way()
            seconds[name].append((time.perf_counter() - start) / count)
            tokens[name] = scorer.computed or plain.computed
    shape = sum(weight.numel() for weight in scorer.model.parameters())
    print(f"{len(pool)} solutions, {read:,} tokens, {distinct:,} distinct in their prefix tree; "
          f"{shape / 1e6:.1f} million weights on {scorer.device}, layout {scorer.layout}")  # fmt: skip
    least = {"tree": distinct, "padded": distinct, "per prefix": count_distinct_tokens(rows[: len(part)])}
    print("| way | computed / distinct | solutions/s | tree is faster |\n|---|---:|---:|---:|")
    fastest = statistics.median(seconds["tree"])
    for name, durations in seconds.items():
        middle = statistics.median(durations)
        ratio = tokens[name] / least[name]
        print(f"| {name} | {ratio:.2f} | {1 / middle:.1f} | {middle / fastest:.1f} times |")


if __name__ == "__main__":
    main()
