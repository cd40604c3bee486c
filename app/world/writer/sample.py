"""Sampling: solutions of problems with equally long statements are written in one batch, word by word, with a
cache of keys and values, so nothing is padded or masked. Prefixes that samples share are computed once."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from transformers import DynamicCache

from app.prm.encoding import Encoder
from app.world.writer.model import LINE, LONGEST, RIGHT, WRONG, Writer

SIDE_BY_SIDE = 4096
"""Number of samples in a batch."""


@torch.inference_mode()
def sample_solutions(
    writer: Writer,
    statements: Sequence[str],
    per_statement: int,
    seed: int,
    *,
    temperature: float = 1.0,
    most: int = 96,
) -> list[list[list[str]]]:
    """`each` solutions of every statement, as lists of steps, in the order of `statements`. A solution that
    does not end within `most` words is cut off and has no answer."""
    chance = torch.Generator().manual_seed(seed)
    encoder = Encoder(writer.tokenizer, LONGEST)
    prompts = [encoder.encode(statement, []).ids for statement in statements]
    solutions: list[list[list[str]]] = [[] for _ in statements]
    by_length: dict[int, list[int]] = {}
    for place, ids in enumerate(prompts):
        by_length.setdefault(len(ids), []).append(place)
    vocabulary, at_once = _vocabulary(writer), max(1, SIDE_BY_SIDE // max(1, per_statement))
    for places in by_length.values():
        for start in range(0, len(places), at_once):
            chunk = places[start : start + at_once]
            begun = torch.tensor([prompts[place] for place in chunk])
            sampled = _continue(writer, begun, per_statement, chance, temperature, most)
            for number, row in enumerate(sampled):
                solutions[chunk[number // per_statement]].append(
                    _split_steps([vocabulary[token] for token in row])
                )
    return solutions


def _continue(
    writer: Writer, ids: Tensor, per_row: int, chance: torch.Generator, temperature: float, most: int
) -> list[list[int]]:
    """`each` samples for every row of ids, row by row. Samples with equal prefixes share a branch, which the
    model reads once; each draws its next word independently."""
    token_ids = writer.tokenizer.get_vocab()
    end = int(writer.tokenizer.eos_token_id)
    never = torch.tensor([token_ids[word] for word in ("<pad>", "<s>", "<unk>", RIGHT, WRONG)])
    cache = DynamicCache(config=writer.body.config)
    going = torch.arange(len(ids) * per_row)
    branch = going // per_row
    sampled = torch.full((len(going), most), end)
    now = ids
    for at in range(most):
        states = writer.body(input_ids=now, past_key_values=cache, use_cache=True).last_hidden_state
        logits = writer.logits(states[:, -1]) / temperature
        logits[:, never] = -torch.inf
        likely = logits.softmax(1)[branch]
        # the exponential race: the same draw as multinomial, and faster
        drawn = (likely / torch.empty_like(likely).exponential_(generator=chance)).argmax(1)
        sampled[going, at] = drawn
        unfinished = (drawn != end).nonzero()[:, 0]
        if not len(unfinished):
            break
        going = going[unfinished]
        ways, branch = torch.unique(
            branch[unfinished] * len(token_ids) + drawn[unfinished], return_inverse=True
        )
        cache.batch_select_indices(ways // len(token_ids))
        now = (ways % len(token_ids))[:, None]
    rows: list[list[int]] = sampled.tolist()
    return [row[: row.index(end)] if end in row else row for row in rows]


def _vocabulary(writer: Writer) -> list[str]:
    token_ids = writer.tokenizer.get_vocab()
    return sorted(token_ids, key=token_ids.__getitem__)


def _split_steps(tokens: list[str]) -> list[str]:
    """A step per line, without empty lines."""
    lines: list[list[str]] = [[]]
    for word in tokens:
        if word == LINE:
            lines.append([])
        else:
            lines[-1].append(word)
    return [" ".join(line) for line in lines if line]
