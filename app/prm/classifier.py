"""A Stepmark model as a classifier of transformers, and back.

A PRM is a `...ForTokenClassification` with the labels negative, neutral, positive, or negative, positive. An
outcome model is a `...ForSequenceClassification` with one output. The probabilities are those of the
model: with one output z, two labels get the logits 0 and z, whose softmax is the sigmoid of z."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor, nn
from transformers import (
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    PreTrainedModel,
)

from app.prm.checkpoint_safety import BadCheckpoint, open_model_folder
from app.prm.model import ProcessRewardModel
from app.prm.objectives import Objective, get_objective

HEAD_NAMES = ("score", "classifier")
THREE_LABELS = ("negative", "neutral", "positive")
TWO_LABELS = ("negative", "positive")


def can_build_classifier(model: ProcessRewardModel) -> bool:
    """Whether the head is linear, and without bias for an outcome model: sequence classifiers have none."""
    head = model.head
    return isinstance(head, nn.Linear) and (model.objective.kind == "prm" or head.bias is None)


def build_classifier(model: ProcessRewardModel, pad: int) -> PreTrainedModel:
    """The classifier, which shares the body's weights. `pad` is the ID of the padding token."""
    objective = model.objective
    labels = get_labels(objective)
    config = copy.deepcopy(model.body.config)
    config.num_labels = len(labels)
    config.id2label = dict(enumerate(labels))
    config.label2id = {label: index for index, label in enumerate(labels)}
    config.pad_token_id = pad
    if objective.kind == "orm" and objective.has_language_loss:
        config.problem_type = "regression"  # the output is the score itself
    kind: Any = (
        AutoModelForTokenClassification if objective.kind == "prm" else AutoModelForSequenceClassification
    )
    with torch.device("meta"):
        classifier: Any = kind.from_config(config)
    setattr(classifier, classifier.base_model_prefix, model.body)
    setattr(classifier, find_head_name(classifier), _build_head(model, len(labels)))
    classifier.eval()
    result: PreTrainedModel = classifier
    return result


def get_labels(objective: Objective) -> tuple[str, ...]:
    """The names of the classifier's outputs."""
    if objective.kind == "orm":
        return ("correct",)
    return THREE_LABELS if objective.outputs == len(THREE_LABELS) else TWO_LABELS


def find_head_name(classifier: Any) -> str:
    """The attribute with the linear head. Raises BadCheckpoint if there is none."""
    for name in HEAD_NAMES:
        if isinstance(getattr(classifier, name, None), nn.Linear):
            return name
    raise BadCheckpoint("it has no linear head over its labels")


def _build_head(model: ProcessRewardModel, labels: int) -> nn.Linear:
    head: Any = model.head
    weight, bias = head.weight.detach().cpu(), head.bias
    bias = None if bias is None else bias.detach().cpu()
    if bias is None and model.objective.kind == "prm":  # token classifiers have a bias
        bias = torch.zeros(len(weight))
    if labels == len(TWO_LABELS):
        weight = torch.cat([torch.zeros_like(weight), weight])
        bias = None if bias is None else torch.cat([torch.zeros_like(bias), bias])
    return build_linear(weight, bias)


def build_linear(weight: Tensor, bias: Tensor | None) -> nn.Linear:
    """A linear layer in float32 with these weights."""
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None)
    with torch.no_grad():
        layer.weight.copy_(weight.float())
        if bias is not None:
            layer.bias.copy_(bias.float())
    return layer


def merge_two_outputs(head: nn.Linear, negative: int, positive: int) -> nn.Linear:
    """One output that is the logit of `positive` against `negative`."""
    bias = None if head.bias is None else (head.bias[positive] - head.bias[negative])[None]
    return build_linear((head.weight[positive].float() - head.weight[negative].float())[None], bias)


def load_classifier(folder: Path, kind: Any, dtype: Any = torch.float32) -> Any:
    """The classifier in `folder` with all its weights; `kind` is the Auto class. Raises BadCheckpoint."""
    try:
        with open_model_folder(folder) as view:
            classifier, info = kind.from_pretrained(
                view,
                trust_remote_code=False,
                use_safetensors=True,
                dtype=dtype,
                attn_implementation="sdpa",
                output_loading_info=True,
            )
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        if isinstance(error, BadCheckpoint):
            raise
        raise BadCheckpoint(f"could not load {folder.name!r}: {error}") from error
    if info["missing_keys"]:
        raise BadCheckpoint(f"weights are missing: {', '.join(sorted(info['missing_keys'])[:4])}")
    return classifier.eval()


def read_classifier(folder: Path, objective_id: str) -> ProcessRewardModel:
    """The model that `build_classifier` wrote. Raises BadCheckpoint."""
    objective = get_objective(objective_id)
    kind = AutoModelForTokenClassification if objective.kind == "prm" else AutoModelForSequenceClassification
    classifier = load_classifier(folder, kind)
    head: nn.Linear = getattr(classifier, find_head_name(classifier))
    labels = len(get_labels(objective))
    if head.out_features != labels:
        raise BadCheckpoint(f"the head has {head.out_features} outputs; {objective_id} needs {labels}")
    if labels == len(TWO_LABELS):
        head = merge_two_outputs(head, 0, 1)
    return ProcessRewardModel(classifier.base_model, objective_id, build_linear(head.weight, head.bias))
