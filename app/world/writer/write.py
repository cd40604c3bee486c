"""Sampling: all solutions of problems whose statements are equally long are written side by side, a
word at a time, with a cache of keys and values. No padding on the left, so nothing to mask."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from transformers import DynamicCache

from app.prm.tokens import Encoder
from app.world.writer.model import LINE, LONGEST, RIGHT, WRONG, Writer

SIDE_BY_SIDE = 1024


@torch.inference_mode()
def write(
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
    asked = [encoder.row(statement, []).ids for statement in statements]
    found: list[list[list[str]]] = [[] for _ in statements]
    by_length: dict[int, list[int]] = {}
    for place, ids in enumerate(asked):
        by_length.setdefault(len(ids), []).extend([place] * each)
    words = _words(writer)
    for places in by_length.values():
        for start in range(0, len(places), SIDE_BY_SIDE):
            some = places[start : start + SIDE_BY_SIDE]
            begun = torch.tensor([asked[place] for place in some])
            for place, said in zip(some, _continued(writer, begun, chance, temperature, most), strict=True):
                found[place].append(_steps([words[token] for token in said]))
    return found


def _continued(
    writer: Writer, ids: Tensor, chance: torch.Generator, temperature: float, most: int
) -> list[list[int]]:
    known = writer.tokenizer.get_vocab()
    end = int(writer.tokenizer.eos_token_id)
    never = torch.tensor([known[word] for word in ("<pad>", "<s>", "<unk>", RIGHT, WRONG)])
    cache = DynamicCache(config=writer.body.config)
    going = torch.arange(len(ids))
    said = torch.full((len(ids), most), end)
    now = ids
    for at in range(most):
        states = writer.body(input_ids=now, past_key_values=cache, use_cache=True).last_hidden_state
        logits = writer.logits(states[:, -1]) / temperature
        logits[:, never] = -torch.inf
        # the exponential race: the same draw as multinomial, and faster
        race = torch.empty_like(logits).exponential_(generator=chance)
        drawn = (logits.softmax(1) / race).argmax(1)
        said[going, at] = drawn
        open_ = drawn != end
        left = int(open_.sum())
        if not left:
            break
        if left < 0.7 * len(drawn):  # those that ended are left behind
            kept = open_.nonzero()[:, 0]
            cache.batch_select_indices(kept)
            going, drawn = going[kept], drawn[kept]
        now = drawn[:, None]
    rows: list[list[int]] = said.tolist()
    return [row[: row.index(end)] if end in row else row for row in rows]


def _words(writer: Writer) -> list[str]:
    known = writer.tokenizer.get_vocab()
    return sorted(known, key=known.__getitem__)


def _steps(words: list[str]) -> list[str]:
    """A line a step; lines without a word are no steps."""
    lines: list[list[str]] = [[]]
    for word in words:
        if word == LINE:
            lines.append([])
        else:
            lines[-1].append(word)
    return [" ".join(line) for line in lines if line]
