"""A model that fills a GPU: tokens a second and share of peak arithmetic, learning and scoring.

    python bench/gpu.py --device cuda [--data FILE.jsonl] [--peak TFLOPS]
    python bench/gpu.py --device cpu --shape tiny     (the same lines of code, to see them run)

A Qwen2 of about 1.5 billion random weights (the shape of Qwen2.5-Math-1.5B), bf16 autocast over
float32 weights, eight solutions a problem, padded against the tree, in turns. Peak is the dense
bf16 figure of the maker's data sheet: known for some GPUs by name, else given in --peak.

Arithmetic counted: 2 operations for each weight of the body's matrices and each token COMPUTED
(3 times that for learning), and nothing else: no attention, no head, so the share is a lower bound.
Solutions a second say what the layouts are worth; tokens computed a second, how full the GPU is."""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import torch
from transformers import AutoModel, Qwen2Config

from app.prm import prefix_attention
from app.prm.batch_layout import iter_batches
from app.prm.device import autocast, choose_device
from app.prm.encoding import Encoder, train_tokenizer
from app.prm.examples import CLASSES, TokenRow
from app.prm.model import ProcessRewardModel
from app.prm.token_budget import TokenBudget
from bench.scoring import made, real

PEAK = {"H100": 989.0, "H200": 989.0, "A100": 312.0, "L40S": 362.0, "4090": 165.0}
"""TFLOP/s, dense bf16, by the makers' data sheets (H100: the SXM form)."""
SHAPES = {
    "1.5b": {"hidden_size": 1536, "intermediate_size": 8960, "num_hidden_layers": 28,
             "num_attention_heads": 12, "num_key_value_heads": 2, "vocab_size": 151_936},
    "tiny": {"hidden_size": 128, "intermediate_size": 384, "num_hidden_layers": 2,
             "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 8192},
}  # fmt: skip
STEP = 64
"""Solutions an optimiser step learns from."""


def rows_of(data: Path | None, count: int) -> list[TokenRow]:
    pool = (real(data) if data else made())[:count]
    tokenizer = train_tokenizer([piece for problem, steps in pool for piece in (problem, *steps)], 8192)
    encoder, draw = Encoder(tokenizer, 4096), random.Random(5)  # noqa: S311
    return [encoder.encode(problem, steps, [draw.choice(CLASSES) for _ in steps]) for problem, steps in pool]


def model_of(shape: str, device: torch.device) -> ProcessRewardModel:
    torch.manual_seed(0)
    config = Qwen2Config(**SHAPES[shape], max_position_embeddings=4096, use_sliding_window=False)
    with device:
        return ProcessRewardModel(AutoModel.from_config(config, attn_implementation="sdpa"))


class Way:
    """One layout; counts the tokens it computes."""

    def __init__(
        self, model: ProcessRewardModel, rows: list[TokenRow], how: str, device: torch.device
    ) -> None:
        self.model, self.rows, self.how, self.device, self.computed = model, rows, how, device, 0

    @torch.no_grad()
    def score(self) -> None:
        self.model.eval()
        room = TokenBudget(self.model, self.device, 0, learning=False)
        for batch in iter_batches(self.rows, self.how, room.tokens, 0):
            with autocast(self.device, bf16=True):
                self.model(batch.to(self.device)).softmax(1).cpu()
            self.computed += batch.computed_tokens

    def learn(self) -> None:
        self.model.train()
        optimiser = torch.optim.AdamW(self.model.parameters(), lr=1e-5)
        room = TokenBudget(self.model, self.device, 0, learning=True)
        for start in range(0, len(self.rows), STEP):
            rows = self.rows[start : start + STEP]
            for batch in iter_batches(rows, self.how, room.tokens, 0):
                with autocast(self.device, bf16=True):
                    loss = self.model.loss(batch.to(self.device), sum(row.labeled for row in rows), 1, 0.0)
                loss.backward()
                self.computed += batch.computed_tokens
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)


def seconds(way: Callable[[], None], device: torch.device) -> float:
    start = time.perf_counter()
    way()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start


def peak_of(device: torch.device, peak: float | None) -> float | None:
    if peak or device.type != "cuda":
        return peak
    name = torch.cuda.get_device_name(device)
    return next((peak for word, peak in PEAK.items() if word in name), None)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--shape", default="1.5b", choices=SHAPES)
    parser.add_argument("--solutions", type=int, default=512)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--peak", type=float, help="TFLOP/s, dense bf16")
    arguments = parser.parse_args()
    device = choose_device(arguments.device)
    rows = rows_of(arguments.data, arguments.solutions)
    model = model_of(arguments.shape, device)
    matrices = sum(weight.numel() for name, weight in model.body.named_parameters()
                   if weight.dim() == 2 and "embed" not in name)  # fmt: skip
    peak = peak_of(device, arguments.peak)
    with autocast(device, bf16=True):
        tree, reason = prefix_attention.choose_layout(model, rows, "tree", 0)
    where = torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
    print(f"{matrices / 1e6:.0f} million weights in matrices, {len(rows)} solutions, {where}, "
          f"tree by {model.backend}" + (f"; NOT USED: {reason}" if reason else ""))  # fmt: skip
    print("| what | layout | solutions/s | tokens computed/s | share of peak |\n|---|---|---:|---:|---:|")
    for what, per_token in (("scoring", 2), ("learning", 6)):
        ways = [Way(model, rows, how, device) for how in dict.fromkeys(("padded", tree))]
        taken: dict[str, list[float]] = {way.how: [] for way in ways}
        for turn in range(arguments.turns + 1):
            for way in ways:
                way.computed = 0
                duration = seconds(way.score if what == "scoring" else way.learn, device)
                if turn:  # the first warms up
                    taken[way.how].append(duration)
        for way in ways:
            middle = statistics.median(taken[way.how])
            rate = way.computed / middle
            share = f"{rate * per_token * matrices / peak / 1e12:.0%}" if peak else ""
            print(f"| {what} | {way.how} | {len(rows) / middle:.1f} | {rate:,.0f} | {share} |", flush=True)


if __name__ == "__main__":
    main()
