"""What a body is given as its attention mask, and whether a layout is right for this body.

A line of rows needs a mask that says who sees whom. On a GPU that is a FlexAttention block mask,
whose empty blocks cost nothing; elsewhere a dense mask that scaled-dot-product attention takes.
transformers hands a mask of four dimensions on to the attention as it is."""

from __future__ import annotations

import logging
from typing import Any

import torch
from torch import Tensor

from app.prm.data import Row
from app.prm.layout import Batch, batches, seen

log = logging.getLogger("stepmark.prm")
CHECKED_TOKENS = 4096
TOLERANCE = {torch.float32: 2e-3, torch.bfloat16: 6e-2, torch.float16: 1e-2}
"""Largest difference of hidden states, against their own size, between two layouts."""


def mask_of(batch: Batch, backend: str) -> Any:
    """`backend`: sdpa or flex_attention."""
    if batch.until is None:
        return batch.mask
    if backend == "flex_attention":
        return _block_mask(batch.until)
    return seen(batch.until)


def _block_mask(until: Tensor) -> Any:
    from torch.nn.attention.flex_attention import create_block_mask

    def sees(_batch: Tensor, _head: Tensor, query: Tensor, key: Tensor) -> Tensor:
        return (key <= query) & (query < until[key])

    length = len(until)
    return create_block_mask(sees, 1, None, length, length, device=str(until.device))


def why_not(config: Any, longest: int) -> str | None:
    """A reason why rows of up to `longest` tokens cannot lie in one line for this body, or None."""
    window = getattr(config, "sliding_window", None)
    if window is not None and getattr(config, "use_sliding_window", True) and window < longest:
        return f"its attention slides over {window} tokens and rows have up to {longest}"
    if getattr(config, "is_encoder_decoder", False):
        return "it is not a causal language model"
    return None


@torch.no_grad()
def differs(model: Any, rows: list[Row], how: str, pad: int, backend: str = "sdpa") -> str | None:
    """Compares this layout with the plain padded pass on a few of `rows`; what is wrong, or None.
    Hidden states are compared where steps end. The body keeps `backend` if nothing is wrong."""
    few = _few(rows)
    if not few:
        return None
    device = next(model.parameters()).device
    was_training = model.training
    model.eval()
    try:
        plain = _ends(model, few, "padded", pad, device)
        model.body.set_attn_implementation(backend)
        other = _ends(model, few, how, pad, device)
    except Exception as error:  # any failure of a body we do not know: the padded pass is there
        model.body.set_attn_implementation("sdpa")
        return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0][:200]}"
    finally:
        model.train(was_training)
    size = max(float(plain.abs().max()), 1e-6)
    off = float((plain - other).abs().max()) / size
    allowed = TOLERANCE.get(next(model.parameters()).dtype, 1e-2)
    if torch.is_autocast_enabled(device.type):
        allowed = max(allowed, TOLERANCE[torch.bfloat16])
    if off <= allowed:
        return None
    model.body.set_attn_implementation("sdpa")
    return f"hidden states differ by {off:.2g} of their size"


def _few(rows: list[Row]) -> list[Row]:
    few: list[Row] = []
    tokens = 0
    for row in sorted(rows[:64], key=lambda row: row.ids):
        if tokens + len(row.ids) > CHECKED_TOKENS and few:
            break
        few.append(row)
        tokens += len(row.ids)
    return few


def _ends(model: Any, rows: list[Row], how: str, pad: int, device: torch.device) -> Tensor:
    found: dict[int, Tensor] = {}
    for batch in batches(rows, how, CHECKED_TOKENS, pad):
        states = model.hidden(batch.to(device))[batch.step_ends().to(device)].float().cpu()
        for row, part in zip(batch.rows, states.split([len(row.ends) for row in batch.rows]), strict=True):
            found[id(row)] = part
    return torch.cat([found[id(row)] for row in rows])


def choose(model: Any, rows: list[Row], wanted: str, pad: int) -> tuple[str, str | None]:
    """The layout to use, and, where it is not the one wished for, why. `auto` wishes for the tree.
    Sets the body's attention to the backend that was found right: FlexAttention on a GPU, else
    scaled-dot-product attention."""
    how = "tree" if wanted == "auto" else wanted
    if how == "padded" or not rows:
        return how, None
    reason = why_not(model.body.config, max(len(row.ids) for row in rows))
    if reason is None:
        on_gpu = next(model.parameters()).device.type == "cuda"
        for backend in ("flex_attention", "sdpa") if on_gpu else ("sdpa",):
            reason = differs(model, rows, how, pad, backend)
            if reason is None:
                return how, None
            log.warning("layout %s with %s is not used: %s", how, backend, reason)
    log.warning("layout %s is not used, rows are padded instead: %s", how, reason)
    return "padded", reason
