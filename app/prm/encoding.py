"""Text to ids. Problem, steps and separators are tokenised each by itself and their ids
joined, so that no token ever spans a boundary: a separator merged with the text before it
moves the place where a step is judged (docs: science of the label position)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from app.prm.config import TrainConfig
from app.prm.examples import CLASSES, Example, TokenRow
from app.prm.objectives import supervised

SEPARATOR = "\n"
IGNORED = -100
SPECIALS = {"pad_token": "<pad>", "bos_token": "<s>", "eos_token": "</s>"}


def train_tokenizer(texts: Iterable[str], vocabulary: int) -> PreTrainedTokenizerFast:
    """A byte-level BPE over `texts`, digits one by one, so that no text is out of vocabulary."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=list(SPECIALS.values()),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=made, **SPECIALS)


class Encoder:
    """Turns problems and steps into rows for one tokenizer.

    `max_length` is in tokens. A step whose end lies beyond it is cut off: it is neither
    read nor judged, and the caller sees how many were (`len(steps) - len(row.ends)`)."""

    def __init__(self, tokenizer: Any, max_length: int) -> None:
        self.tokenizer = tokenizer
        self.max_length = max_length
        self.separator = self._ids(SEPARATOR)
        if not self.separator:
            raise ValueError("this tokenizer has no token for a line break, which ends a step")
        start = tokenizer.bos_token_id
        self.start = [] if start is None else [int(start)]
        self._problem = lru_cache(maxsize=4096)(self._problem_ids)
        self._step = lru_cache(maxsize=8192)(self._step_ids)

    def _ids(self, text: str) -> list[int]:
        return list(self.tokenizer.encode(text, add_special_tokens=False))

    def _problem_ids(self, problem: str) -> tuple[int, ...]:
        return (*self.start, *self._ids(problem), *self.separator)

    def _step_ids(self, step: str) -> tuple[int, ...]:
        return (*self._ids(step), *self.separator)

    def encode(
        self, problem: str, steps: Sequence[str], targets: Sequence[int | None] | None = None
    ) -> TokenRow:
        """`ends[i]` indexes the last token of step i, its separator. A class index per end;
        -100 where `targets` is None or has none."""
        ids = list(self._problem(problem))
        start = len(ids)
        ends: list[int] = []
        for step in steps:
            piece = self._step(step)
            if len(ids) + len(piece) > self.max_length:
                break
            ids += piece
            ends.append(len(ids) - 1)
        known = targets or [None] * len(steps)
        classes = [IGNORED if target is None else CLASSES.index(target) for target in known[: len(ends)]]
        return TokenRow(ids[: self.max_length], ends, classes, start)


def encode_examples(
    encoder: Encoder, examples: Iterable[Example], config: TrainConfig | None = None
) -> tuple[list[TokenRow], dict[str, int]]:
    """The rows that carry a label for the config's objective, and the counts of what was lost on the
    way: `labels_cut` (steps' labels beyond max_length) and `solutions_without_label`."""
    rows: list[TokenRow] = []
    lost = {"labels_cut": 0, "solutions_without_label": 0}
    for example in examples:
        row = encoder.encode(example.problem, example.steps, example.targets)
        said = example.targets if example.values is None else example.values
        lost["labels_cut"] += sum(each is not None for each in said[len(row.ends) :])
        if config is not None:
            row = supervised(row, example, config)
        if row.labeled:
            rows.append(row)
        else:
            lost["solutions_without_label"] += 1
    return rows, lost
