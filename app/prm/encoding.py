"""Text to token IDs, in the format that a model reads (text_formats.py). In the format of Stepmark's own
models, problem, steps and separators are tokenized separately and their IDs joined, so that no token spans a
boundary: a separator merged with the preceding text would move the position at which the step is scored."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from app.prm.config import TrainConfig
from app.prm.examples import CLASSES, Example, TokenRow
from app.prm.objectives import get_objective
from app.prm.text_formats import LinesFormat, TextFormat

IGNORED = -100
SPECIALS = {"pad_token": "<pad>", "bos_token": "<s>", "eos_token": "</s>"}


def train_tokenizer(texts: Iterable[str], vocabulary: int) -> PreTrainedTokenizerFast:
    """A byte-level BPE tokenizer trained on `texts`, with single digits. No text is out of vocabulary."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=list(SPECIALS.values()),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **SPECIALS)


class Encoder:
    """Encodes problems and steps for one tokenizer. Raises ValueError for a tokenizer without line breaks.

    `max_length` is in tokens. A step that ends beyond it is cut off, and so are all later ones; the caller
    sees how many were (`len(steps) - len(row.ends)`)."""

    def __init__(self, tokenizer: Any, max_length: int, text_format: TextFormat | None = None) -> None:
        self.tokenizer = tokenizer
        self.max_length = max_length
        self._encode = (text_format or LinesFormat()).bind(tokenizer)

    def encode(
        self, problem: str, steps: Sequence[str], targets: Sequence[int | None] | None = None
    ) -> TokenRow:
        """`ends[i]` is the index of the token at which step i is scored. `targets[i]` is its class index, or
        -100 without a target."""
        encoded = self._encode(problem, steps)
        ends = [end for end in encoded.ends if end < self.max_length]
        complete = len(ends) == len(steps) > 0
        ids = encoded.ids if complete else encoded.ids[: ends[-1] + 1 if ends else encoded.start]
        all_targets = targets or [None] * len(steps)
        classes = [
            IGNORED if target is None else CLASSES.index(target) for target in all_targets[: len(ends)]
        ]
        return TokenRow(ids[: self.max_length], ends, classes, encoded.start)


def encode_examples(
    encoder: Encoder, examples: Iterable[Example], config: TrainConfig | None = None
) -> tuple[list[TokenRow], dict[str, int]]:
    """The rows with a label for the config's objective, and counts of what was lost: `labels_cut` (labels of
    steps beyond max_length), `negative_labels_cut` (the negative ones, if any) and
    `solutions_without_label`."""
    rows: list[TokenRow] = []
    lost = {"labels_cut": 0, "solutions_without_label": 0}
    for example in examples:
        row = encoder.encode(example.problem, example.steps, example.targets)
        labels = example.targets if example.values is None else example.values
        lost["labels_cut"] += sum(label is not None for label in labels[len(row.ends) :])
        if negative := sum(target == -1 for target in example.targets[len(row.ends) :]):
            lost["negative_labels_cut"] = lost.get("negative_labels_cut", 0) + negative
        if config is not None:
            row = get_objective(config.objective).supervise(row, example, config)
        if row.labeled:
            rows.append(row)
        else:
            lost["solutions_without_label"] += 1
    return rows, lost
