"""Sampling: all solutions of problems whose statements are equally long are written side by side, a
word at a time, with a cache of keys and values. No padding on the left, so nothing to mask. Most samples
of a problem say the same for a while: what they have in common is computed once."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from transformers import DynamicCache

from app.prm.encoding import Encoder
from app.world.writer.model import LINE, LONGEST, RIGHT, WRONG, Writer

SIDE_BY_SIDE = 4096
"""Samples."""


@torch.inference_mode()
def sample_solutions(
    writer: Writer,
    statements: Sequence[str],
    each: int,
    seed: int,
    *,
    temperature: float = 1.0,
    most: int = 96,
) -> list[list[list[str]]]:
    """`each` solutions of every statement, as lists of steps, in the order given. A solution that
    does not end within `most` words is cut off there; it will have no answer."""
    chance = torch.Generator().manual_seed(seed)
    encoder = Encoder(writer.tokenizer, LONGEST)
    asked = [encoder.encode(statement, []).ids for statement in statements]
    found: list[list[list[str]]] = [[] for _ in statements]
    by_length: dict[int, list[int]] = {}
    for place, ids in enumerate(asked):
        by_length.setdefault(len(ids), []).append(place)
    words, at_once = _vocabulary(writer), max(1, SIDE_BY_SIDE // max(1, each))
    for places in by_length.values():
        for start in range(0, len(places), at_once):
            some = places[start : start + at_once]
            begun = torch.tensor([asked[place] for place in some])
            said = _continue(writer, begun, each, chance, temperature, most)
            for number, row in enumerate(said):
                found[some[number // each]].append(_split_steps([words[token] for token in row]))
    return found


def _continue(
    writer: Writer, ids: Tensor, each: int, chance: torch.Generator, temperature: float, most: int
) -> list[list[int]]:
    """`each` for every row of ids, one row's after the other's. Samples that have said the same so far
    are one branch, which the model reads once; each draws its next word for itself."""
    known = writer.tokenizer.get_vocab()
    end = int(writer.tokenizer.eos_token_id)
    never = torch.tensor([known[word] for word in ("<pad>", "<s>", "<unk>", RIGHT, WRONG)])
    cache = DynamicCache(config=writer.body.config)
    going = torch.arange(len(ids) * each)
    branch = going // each
    said = torch.full((len(going), most), end)
    now = ids
    for at in range(most):
        states = writer.body(input_ids=now, past_key_values=cache, use_cache=True).last_hidden_state
        logits = writer.logits(states[:, -1]) / temperature
        logits[:, never] = -torch.inf
        likely = logits.softmax(1)[branch]
        # the exponential race: the same draw as multinomial, and faster
        drawn = (likely / torch.empty_like(likely).exponential_(generator=chance)).argmax(1)
        said[going, at] = drawn
        kept = (drawn != end).nonzero()[:, 0]
        if not len(kept):
            break
        going = going[kept]
        ways, branch = torch.unique(branch[kept] * len(known) + drawn[kept], return_inverse=True)
        cache.batch_select_indices(ways // len(known))
        now = (ways % len(known))[:, None]
    rows: list[list[int]] = said.tolist()
    return [row[: row.index(end)] if end in row else row for row in rows]


def _vocabulary(writer: Writer) -> list[str]:
    known = writer.tokenizer.get_vocab()
    return sorted(known, key=known.__getitem__)


def _split_steps(words: list[str]) -> list[str]:
    """A line a step; lines without a word are no steps."""
    lines: list[list[str]] = [[]]
    for word in words:
        if word == LINE:
            lines.append([])
        else:
            lines[-1].append(word)
    return [" ".join(line) for line in lines if line]
