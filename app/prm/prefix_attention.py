"""The attention of a body over rows in one line, and the check that a layout is right for this body.

branches         on CPUs: each branch of the tree attends to its path separately, so that nothing is computed
                 for tokens that do not attend to each other
flex_attention   on GPUs: a block mask, whose empty blocks cost nothing
sdpa             for padded rows, and for lines with a dense mask if a body supports neither of the others

transformers passes a four-dimensional mask, and arguments that it does not know, on to the attention."""

from __future__ import annotations

import logging
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.masking_utils import sdpa_mask

from app.prm.batch_layout import Batch, Branch, build_attention_mask, iter_batches
from app.prm.examples import TokenRow

log = logging.getLogger("stepmark.prm")
BRANCHES = "stepmark_branches"
CHECKED_TOKENS = 4096
TOLERANCE = {torch.float32: 2e-3, torch.bfloat16: 6e-2, torch.float16: 1e-2}
"""Largest relative difference of hidden states between two layouts."""


def attention_arguments(batch: Batch, backend: str) -> dict[str, Any]:
    """Arguments of the body besides IDs and positions."""
    if batch.until is None:
        return {"attention_mask": batch.mask}
    if backend == "flex_attention":
        return {"attention_mask": _block_mask(batch.until)}
    if backend == BRANCHES:  # transformers requires a mask, which the branches do not use
        unused = torch.ones(1, 1, 1, 1, dtype=torch.bool, device=batch.ids.device)
        return {"attention_mask": unused, "branches": batch.branches}
    return {"attention_mask": build_attention_mask(batch.until)}


def _block_mask(until: Tensor) -> Any:
    from torch.nn.attention.flex_attention import create_block_mask

    def sees(_batch: Tensor, _head: Tensor, query: Tensor, key: Tensor) -> Tensor:
        return (key <= query) & (query < until[key])

    length = len(until)
    return create_block_mask(sees, 1, None, length, length, device=str(until.device))


def branch_attention(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    *,
    branches: tuple[Branch, ...],
    **_: Any,
) -> tuple[Tensor, None]:
    """query: [1, heads, length, width]; key, value: [1, heads or groups, length, width]. Returns
    [1, length, heads, width]. The branches cover the line without gaps."""
    grouped = query.shape[1] != key.shape[1]
    outputs = []
    for branch in branches:
        branch_query = query[:, :, branch.start : branch.stop]
        if branch.path is None:
            keys, values = (part[:, :, branch.start : branch.stop] for part in (key, value))
        else:
            keys, values = (part.index_select(2, branch.path) for part in (key, value))
        mask = branch.mask
        outputs.append(
            scaled_dot_product_attention(
                branch_query,
                keys,
                values,
                mask,
                dropout,
                is_causal=mask is None,
                scale=scaling,
                enable_gqa=grouped,
            )
        )
    return torch.cat(outputs, 2).transpose(1, 2).contiguous(), None


AttentionInterface.register(BRANCHES, branch_attention)
AttentionMaskInterface.register(BRANCHES, sdpa_mask)


def find_incompatibility(config: Any, longest: int) -> str | None:
    """The reason why this body cannot compute rows of up to `longest` tokens in one line, or None."""
    window = getattr(config, "sliding_window", None)
    if window is not None and getattr(config, "use_sliding_window", True) and window < longest:
        return f"its attention slides over {window} tokens and rows have up to {longest}"
    if getattr(config, "is_encoder_decoder", False):
        return "it is not a causal language model"
    return None


@torch.no_grad()
def find_layout_mismatch(
    model: Any, rows: list[TokenRow], layout: str, pad: int, backend: str = "sdpa"
) -> str | None:
    """Compare the hidden states at step ends with those of the padded layout, on some of `rows`. Returns the
    difference as text, or None if they agree."""
    sample = _sample_rows(rows)
    if not sample:
        return None
    device = next(model.parameters()).device
    was_training = model.training
    model.eval()
    try:
        expected = _step_end_states(model, sample, "padded", pad, device)
        model.backend = backend
        actual = _step_end_states(model, sample, layout, pad, device)
    except Exception as error:  # an unknown body may fail in any way; the padded layout remains
        return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0][:200]}"
    finally:
        model.train(was_training)
    scale = max(float(expected.abs().max()), 1e-6)
    difference = float((expected - actual).abs().max()) / scale
    allowed = TOLERANCE.get(next(model.parameters()).dtype, 1e-2)
    if torch.is_autocast_enabled(device.type):
        allowed = max(allowed, TOLERANCE[torch.bfloat16])
    return None if difference <= allowed else f"hidden states differ by {difference:.2g} of their size"


def _sample_rows(rows: list[TokenRow]) -> list[TokenRow]:
    sample: list[TokenRow] = []
    tokens = 0
    for row in sorted(rows[:64], key=lambda row: row.ids):
        if tokens + len(row.ids) > CHECKED_TOKENS and sample:
            break
        sample.append(row)
        tokens += len(row.ids)
    return sample


def _step_end_states(model: Any, rows: list[TokenRow], layout: str, pad: int, device: torch.device) -> Tensor:
    states_of: dict[int, Tensor] = {}
    for batch in iter_batches(rows, layout, CHECKED_TOKENS, pad):
        states = model.hidden(batch.to(device))[batch.step_end_slots().to(device)].float().cpu()
        for row, part in zip(batch.rows, states.split([len(row.ends) for row in batch.rows]), strict=True):
            states_of[id(row)] = part
    return torch.cat([states_of[id(row)] for row in rows])


def choose_layout(model: Any, rows: list[TokenRow], requested: str, pad: int) -> tuple[str, str | None]:
    """The layout to use, and the reason if it is not the requested one. `auto` requests the tree. Sets the
    model's `backend` for lines to the one that passed the check."""
    layout = "tree" if requested == "auto" else requested
    if layout == "padded" or not rows:
        return layout, None
    reason = find_incompatibility(model.body.config, max(len(row.ids) for row in rows))
    if reason is None:
        on_gpu = next(model.parameters()).device.type == "cuda"
        for backend in ("flex_attention" if on_gpu else BRANCHES, "sdpa"):
            reason = find_layout_mismatch(model, rows, layout, pad, backend)
            if reason is None:
                return layout, None
            log.warning("layout %s with %s is not used: %s", layout, backend, reason)
    log.warning("layout %s is not used, rows are padded instead: %s", layout, reason)
    return "padded", reason
