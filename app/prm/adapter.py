"""The low-rank adapter of a PRM in the format of PEFT: small, for people who have the base. It holds the
adapters and the head, and loads onto the base as a token classifier."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from torch import Tensor

from app.prm.classifier import build_classifier, find_head_name
from app.prm.model import ProcessRewardModel

FOLDER = "adapter"
"""Within the folder of a published model."""
WEIGHTS = "adapter_model.safetensors"


def collect_adapter(model: ProcessRewardModel) -> dict[str, Tensor] | None:
    """The adapter's weights by their names in PEFT's format, before the adapters are merged; None without
    adapters or for an outcome model."""
    body: Any = model.body
    if not hasattr(body, "peft_config") or model.objective.kind != "prm":
        return None
    from peft import get_peft_model_state_dict

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        state = get_peft_model_state_dict(body)
    prefix = body.get_base_model().base_model_prefix or "model"
    return {
        name.replace("base_model.model.", f"base_model.model.{prefix}.", 1): tensor.detach()
        .cpu()
        .contiguous()
        .clone()
        for name, tensor in state.items()
    }


def get_adapted_modules(model: ProcessRewardModel) -> list[str]:
    """Names of the layers that have adapters, such as q_proj."""
    body: Any = model.body
    return sorted(body.peft_config["default"].target_modules)


def save_adapter(
    folder: Path, merged: ProcessRewardModel, weights: dict[str, Tensor], modules: list[str], options: Any
) -> None:
    """Write the adapter. `merged` is the model after merging, whose head is saved too; `options` is the
    TrainConfig."""
    from peft import LoraConfig

    folder.mkdir(exist_ok=True)
    classifier: Any = build_classifier(merged, 0)
    head_name = find_head_name(classifier)
    head = getattr(classifier, head_name).state_dict()
    tensors = {f"base_model.model.{head_name}.{name}": tensor.contiguous() for name, tensor in head.items()}
    save_file({**weights, **tensors}, folder / WEIGHTS, metadata={"format": "pt"})
    config = LoraConfig(
        task_type="TOKEN_CLS",
        r=options.lora_rank,
        lora_alpha=options.lora_alpha,
        target_modules=modules,
        modules_to_save=[head_name],
        base_model_name_or_path=str(options.base or ""),
        inference_mode=True,
    )
    config.save_pretrained(str(folder))
