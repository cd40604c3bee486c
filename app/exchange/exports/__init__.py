"""The formats Stepmark writes, one module each.

A new format is a module with an object of the shape `base.ExportFormat`, and its line below."""

from __future__ import annotations

from app.exchange.exports import (
    adjudications,
    prm800k_rows,
    revision_data,
    rollouts,
    scores,
    sft,
    snapshot_items,
    steps,
    trl_stepwise,
    verdicts,
)
from app.exchange.exports.registry import EXPORT_FORMATS as EXPORT_FORMATS
from app.exchange.exports.registry import register_export_format

for _format in (
    prm800k_rows.FORMAT,
    trl_stepwise.FORMAT,
    steps.FORMAT,
    adjudications.FORMAT,
    snapshot_items.FORMAT,
    scores.FORMAT,
    rollouts.FORMAT,
    verdicts.FORMAT,
    sft.FORMAT,
    revision_data.FORMAT,
):
    register_export_format(_format)
