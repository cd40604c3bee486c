"""How a body attends in a line of rows, and whether a layout is right for this body.

branches         elsewhere than on a GPU: each branch of the tree attends to its path by itself, so
                 that nothing is computed for tokens that do not see each other
flex_attention   on a GPU: a block mask, whose empty blocks cost nothing
sdpa             padded rows; and lines with a dense mask, where a body takes neither of the others

transformers hands a mask of four dimensions, and arguments it does not know, on to the attention."""

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
"""Largest difference of hidden states, against their own size, between two layouts."""


def attention_arguments(batch: Batch, backend: str) -> dict[str, Any]:
    """What the body is given beside ids and positions."""
    if batch.until is None:
        return {"attention_mask": batch.mask}
    if backend == "flex_attention":
        return {"attention_mask": _block_mask(batch.until)}
    if backend == BRANCHES:  # the branches say it all; a mask must be there, and is not looked at
        nothing = torch.ones(1, 1, 1, 1, dtype=torch.bool, device=batch.ids.device)
        return {"attention_mask": nothing, "branches": batch.branches}
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
    [1, length, heads, width]. Branches follow each other without a gap."""
    grouped = query.shape[1] != key.shape[1]
    said = []
    for branch in branches:
        asking = query[:, :, branch.start : branch.stop]
        if branch.path is None:
            keys, values = (part[:, :, branch.start : branch.stop] for part in (key, value))
        else:
            keys, values = (part.index_select(2, branch.path) for part in (key, value))
        mask = branch.mask
        said.append(
            scaled_dot_product_attention(
                asking, keys, values, mask, dropout, is_causal=mask is None, scale=scaling, enable_gqa=grouped
            )
        )
    return torch.cat(said, 2).transpose(1, 2).contiguous(), None


AttentionInterface.register(BRANCHES, branch_attention)
AttentionMaskInterface.register(BRANCHES, sdpa_mask)


def find_incompatibility(config: Any, longest: int) -> str | None:
    """A reason why rows of up to `longest` tokens cannot lie in one line for this body, or None."""
    window = getattr(config, "sliding_window", None)
    if window is not None and getattr(config, "use_sliding_window", True) and window < longest:
        return f"its attention slides over {window} tokens and rows have up to {longest}"
    if getattr(config, "is_encoder_decoder", False):
        return "it is not a causal language model"
    return None


@torch.no_grad()
def find_layout_mismatch(
    model: Any, rows: list[TokenRow], how: str, pad: int, backend: str = "sdpa"
) -> str | None:
    """Compares this layout with the plain padded pass on a few of `rows`; what is wrong, or None.
    Hidden states are compared where steps end."""
    few = _few(rows)
    if not few:
        return None
    device = next(model.parameters()).device
    was_training = model.training
    model.eval()
    try:
        plain = _ends(model, few, "padded", pad, device)
        model.backend = backend
        other = _ends(model, few, how, pad, device)
    except Exception as error:  # any failure of a body we do not know: the padded pass is there
        return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0][:200]}"
    finally:
        model.train(was_training)
    size = max(float(plain.abs().max()), 1e-6)
    off = float((plain - other).abs().max()) / size
    allowed = TOLERANCE.get(next(model.parameters()).dtype, 1e-2)
    if torch.is_autocast_enabled(device.type):
        allowed = max(allowed, TOLERANCE[torch.bfloat16])
    return None if off <= allowed else f"hidden states differ by {off:.2g} of their size"


def _few(rows: list[TokenRow]) -> list[TokenRow]:
    few: list[TokenRow] = []
    tokens = 0
    for row in sorted(rows[:64], key=lambda row: row.ids):
        if tokens + len(row.ids) > CHECKED_TOKENS and few:
            break
        few.append(row)
        tokens += len(row.ids)
    return few


def _ends(model: Any, rows: list[TokenRow], how: str, pad: int, device: torch.device) -> Tensor:
    found: dict[int, Tensor] = {}
    for batch in iter_batches(rows, how, CHECKED_TOKENS, pad):
        states = model.hidden(batch.to(device))[batch.step_end_slots().to(device)].float().cpu()
        for row, part in zip(batch.rows, states.split([len(row.ends) for row in batch.rows]), strict=True):
            found[id(row)] = part
    return torch.cat([found[id(row)] for row in rows])


def choose_layout(model: Any, rows: list[TokenRow], wanted: str, pad: int) -> tuple[str, str | None]:
    """The layout to use, and, where it is not the one wished for, why. `auto` wishes for the tree.
    Sets the model's `backend` for lines to the one that was found right."""
    how = "tree" if wanted == "auto" else wanted
    if how == "padded" or not rows:
        return how, None
    reason = find_incompatibility(model.body.config, max(len(row.ids) for row in rows))
    if reason is None:
        on_gpu = next(model.parameters()).device.type == "cuda"
        for backend in ("flex_attention" if on_gpu else BRANCHES, "sdpa"):
            reason = find_layout_mismatch(model, rows, how, pad, backend)
            if reason is None:
                return how, None
            log.warning("layout %s with %s is not used: %s", how, backend, reason)
    log.warning("layout %s is not used, rows are padded instead: %s", how, reason)
    return "padded", reason
