"""The device to compute on: a CUDA GPU if there is one, else the CPU."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch


def choose_device(device: str) -> torch.device:
    """The device for `auto`, `cpu` or `cuda`. Raises ValueError for `cuda` without a GPU."""
    if device == "cuda" and not torch.cuda.is_available():
        raise ValueError("device is 'cuda', but torch sees no GPU; use 'auto' or 'cpu'")
    return torch.device("cuda" if device != "cpu" and torch.cuda.is_available() else "cpu")


def autocast(device: torch.device, bf16: bool) -> AbstractContextManager[object]:
    """bfloat16 autocast on GPUs that support it. Weights and optimizer state stay in float32."""
    if bf16 and device.type == "cuda" and torch.cuda.is_bf16_supported():
        return torch.autocast("cuda", dtype=torch.bfloat16)
    return nullcontext()


def set_threads(threads: int) -> None:
    if threads > 0:
        torch.set_num_threads(threads)
