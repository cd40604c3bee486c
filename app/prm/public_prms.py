"""Published reward models, recognized from their configuration and weights and read natively, never by their
own code.

A kind is one object in KINDS; the first that matches reads the folder. Each becomes a body with a head that
has one output (two labels) or three, and keeps its text format (text_formats.py)."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from pydantic import ValidationError
from torch import nn
from transformers import AutoModelForSequenceClassification, AutoModelForTokenClassification

from app.prm import checkpoint
from app.prm.checkpoint_safety import BadCheckpoint, list_files, read_json
from app.prm.classifier import build_linear, find_head_name, load_classifier, merge_two_outputs
from app.prm.model import ProcessRewardModel, load_body
from app.prm.model_source import ModelSource
from app.prm.text_formats import (
    FORMATS,
    ChatMarksFormat,
    LinesFormat,
    PlainMarksFormat,
    SeparateLinesFormat,
    SolutionFormat,
    TextFormat,
    TurnsFormat,
)

FORMAT_FILE = "stepmark-prm.json"
"""A text format, put into the folder of a causal model by whoever knows that it is a PRM."""
CLASSES = (
    {"negative", "bad", "wrong", "incorrect", "false", "-1", "-", "error"},
    {"neutral", "okay", "0", "ok"},
    {"positive", "great", "good", "right", "correct", "true", "1", "+1", "+"},
)
QWEN_SYSTEM = "Please reason step by step, and put your final answer within \\boxed{}."
"""The system line of Qwen2.5-Math-PRM's card."""


@dataclass(frozen=True)
class ImportedModel:
    model: ProcessRewardModel
    tokenizer: Any
    text_format: TextFormat


class PublicModel(Protocol):
    """One layout of published reward models."""

    id: str
    description: str

    def matches(self, source: ModelSource) -> bool:
        """Whether the folder has this layout."""

    def read(self, source: ModelSource) -> ImportedModel:
        """Raises BadCheckpoint if it cannot be read."""


class QwenPrm:
    id = "qwen"
    description = "Qwen2.5-Math-PRM: a head of two layers, read at `<extra_0>`"

    def matches(self, source: ModelSource) -> bool:
        return source.has_architecture("ForProcessRewardModel")

    def read(self, source: ModelSource) -> ImportedModel:
        last = merge_two_outputs(source.load_linear("score.2"), 0, 1)
        head = nn.Sequential(source.load_linear("score.0"), nn.ReLU(), last)
        return _import(source, head, ChatMarksFormat(system=QWEN_SYSTEM))


class SkyworkPrm:
    id = "skywork"
    description = "Skywork-o1-Open-PRM: a value head, sigmoid behind each line"

    def matches(self, source: ModelSource) -> bool:
        return "v_head.summary.weight" in source.tensor_files

    def read(self, source: ModelSource) -> ImportedModel:
        return _import(source, source.load_linear("v_head.summary"), SeparateLinesFormat())


class CausalPrm(ABC):
    """A causal language model whose logits of two tokens are compared. Nothing in such a folder says that it
    is a PRM, so its name must be one of the known ones, or FORMAT_FILE must name the text format."""

    id: str
    description: str
    names: re.Pattern[str]
    text_format: PlainMarksFormat | TurnsFormat

    def matches(self, source: ModelSource) -> bool:
        if not source.has_architecture("ForCausalLM"):
            return False
        named = read_named_format(source.folder)
        if named is not None:
            return named.layout == self.text_format.layout
        return bool(self.names.search(source.name))

    def read(self, source: ModelSource) -> ImportedModel:
        tokenizer = checkpoint.load_tokenizer(str(source.folder), None)
        good, bad = self.get_label_ids(tokenizer)
        body = load_body(str(source.folder), None, "auto")
        output = "lm_head.weight"
        embeddings: Any = body.get_input_embeddings()
        weight = source.load_tensor(output) if output in source.tensor_files else embeddings.weight.detach()
        head = build_linear((weight[good].float() - weight[bad].float())[None], None)
        text_format = read_named_format(source.folder) or self.text_format
        return ImportedModel(ProcessRewardModel(body, "prm2", head), tokenizer, text_format)

    @abstractmethod
    def get_label_ids(self, tokenizer: Any) -> Sequence[int]:
        """IDs of the tokens for a good and a bad step."""


class MathShepherdPrm(CausalPrm):
    id = "math-shepherd"
    description = "Math-Shepherd: a causal model, `+` against `-` at `ки`"
    names = re.compile(r"math-shepherd.*prm", re.IGNORECASE)
    text_format = PlainMarksFormat()

    def get_label_ids(self, tokenizer: Any) -> Sequence[int]:
        ids: list[int] = tokenizer.encode("+ -", add_special_tokens=False)
        if len(ids) != 2:
            raise BadCheckpoint("its tokenizer has no single tokens for '+' and '-'")
        return ids


class RlhflowPrm(CausalPrm):
    id = "rlhflow"
    description = "RLHFlow: a causal chat model, `+` against `-` as the answer to each step"
    names = re.compile(r"llama3\.1-8b-prm|rlhflow.*prm", re.IGNORECASE)
    text_format = TurnsFormat()

    def get_label_ids(self, tokenizer: Any) -> Sequence[int]:
        ids = [tokenizer.encode(label, add_special_tokens=False)[-1] for label in ("+", "-")]
        if ids[0] == ids[1]:
            raise BadCheckpoint("its tokenizer has no tokens for '+' and '-'")
        return ids


class TokenClassifierPrm:
    id = "token-classifier"
    description = "Token classifiers (TRL's PRMTrainer and others) with two or three labels"

    def matches(self, source: ModelSource) -> bool:
        return source.has_architecture("ForTokenClassification")

    def read(self, source: ModelSource) -> ImportedModel:
        classifier = load_classifier(source.folder, AutoModelForTokenClassification, "auto")
        order = class_order(classifier.config.id2label)
        head: nn.Linear = getattr(classifier, find_head_name(classifier))
        if len(order) == 2:
            head = merge_two_outputs(head, order.index(0), order.index(2))
        else:
            rows = torch.tensor([order.index(label) for label in range(3)])
            head = build_linear(head.weight[rows], None if head.bias is None else head.bias[rows])
        model = ProcessRewardModel(classifier.base_model, "prm2" if len(order) == 2 else "prm3", head)
        tokenizer = checkpoint.load_tokenizer(str(source.folder), None)
        text_format = read_named_format(source.folder) or LinesFormat(separator_after_problem=False)
        return ImportedModel(model, tokenizer, text_format)


class SequenceClassifierOrm:
    id = "sequence-classifier"
    description = "Sequence classifiers with one output or two labels, as outcome models"

    def matches(self, source: ModelSource) -> bool:
        return source.has_architecture("ForSequenceClassification")

    def read(self, source: ModelSource) -> ImportedModel:
        classifier = load_classifier(source.folder, AutoModelForSequenceClassification, "auto")
        head: nn.Linear = getattr(classifier, find_head_name(classifier))
        if head.out_features == 2:
            order = class_order(classifier.config.id2label)
            head = merge_two_outputs(head, order.index(0), order.index(2))
        elif head.out_features != 1:
            raise BadCheckpoint(f"it has {head.out_features} outputs; one, or two labels are supported")
        regression = classifier.config.problem_type == "regression"
        objective = "verifier_solution" if regression else "orm"
        model = ProcessRewardModel(classifier.base_model, objective, build_linear(head.weight, head.bias))
        tokenizer = checkpoint.load_tokenizer(str(source.folder), None)
        return ImportedModel(model, tokenizer, read_named_format(source.folder) or SolutionFormat())


KINDS: tuple[PublicModel, ...] = (
    QwenPrm(),
    SkyworkPrm(),
    MathShepherdPrm(),
    RlhflowPrm(),
    TokenClassifierPrm(),
    SequenceClassifierOrm(),
)


def read_public_model(folder: Path) -> ImportedModel:
    """The model in `folder`. Raises BadCheckpoint if no kind matches or the folder cannot be read."""
    source = ModelSource(folder)
    kind = next((kind for kind in KINDS if kind.matches(source)), None)
    if kind is None:
        named = ", ".join(source.architectures) or "no architecture"
        raise BadCheckpoint(
            f"config.json names {named}, which is no reward model that Stepmark recognizes. A causal "
            f"language model that is one needs its text format in {FORMAT_FILE}: see docs/models.md"
        )
    return kind.read(source)


def read_named_format(folder: Path) -> TextFormat | None:
    """The format in FORMAT_FILE. Raises BadCheckpoint if it is wrong."""
    path = list_files(folder).get(FORMAT_FILE)
    if path is None:
        return None
    try:
        return FORMATS.validate_python(read_json(path))
    except (ValidationError, ValueError) as error:
        raise BadCheckpoint(f"{FORMAT_FILE}: {error}") from error


def class_order(id2label: dict[Any, str]) -> list[int]:
    """The class of each of the folder's labels, in order: 0 negative, 1 neutral, 2 positive. Raises
    BadCheckpoint for another number of labels, or for names that are not understood."""
    names = [str(id2label[key]).strip().casefold() for key in sorted(id2label, key=int)]
    if len(names) not in (2, 3):
        raise BadCheckpoint(f"it has {len(names)} labels; two (negative, positive) or three are supported")
    default = [0, 2] if len(names) == 2 else [0, 1, 2]
    if all(name == f"label_{place}" for place, name in enumerate(names)):
        return default
    classes = [next((i for i, aliases in enumerate(CLASSES) if name in aliases), None) for name in names]
    if len(names) == 2 and names in (["0", "1"], ["1", "0"]):
        classes = [0 if name == "0" else 2 for name in names]
    order = [index for index in classes if index is not None]
    if sorted(order) != default:
        raise BadCheckpoint(
            f"its labels are named {', '.join(names)}; name them negative, (neutral,) positive in config.json"
        )
    return order


def _import(source: ModelSource, head: nn.Module, text_format: TextFormat) -> ImportedModel:
    body = load_body(str(source.folder), None, "auto")
    tokenizer = checkpoint.load_tokenizer(str(source.folder), None)
    return ImportedModel(ProcessRewardModel(body, "prm2", head), tokenizer, text_format)
