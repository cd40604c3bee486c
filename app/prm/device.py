"""Where to compute: a CUDA GPU where there is one, else the CPU."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch


def choose_device(wanted: str) -> torch.device:
    """`auto`, `cpu` or `cuda`. Asking for a GPU that is not there raises ValueError."""
    if wanted == "cuda" and not torch.cuda.is_available():
        raise ValueError("device is 'cuda', but torch sees no GPU; use 'auto' or 'cpu'")
    return torch.device("cuda" if wanted != "cpu" and torch.cuda.is_available() else "cpu")


def autocast(device: torch.device, bf16: bool) -> AbstractContextManager[object]:
    """bf16 autocast where the GPU computes in it; weights and optimiser stay in float32."""
    if bf16 and device.type == "cuda" and torch.cuda.is_bf16_supported():
        return torch.autocast("cuda", dtype=torch.bfloat16)
    return nullcontext()


def set_threads(threads: int) -> None:
    if threads > 0:
        torch.set_num_threads(threads)
