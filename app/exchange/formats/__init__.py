"""The formats Stepmark reads, one module each: a JSON object in, an `ImportedRecord` out.

A new format is a module with an object of the shape `base.ImportFormat`, and its line below."""

from __future__ import annotations

from app.exchange.formats import (
    gsm8k,
    gsm8k_solutions,
    mapped,
    math500,
    math_cot,
    math_shepherd,
    messages,
    mr_graded,
    prm800k,
    prmbench,
    problem_list,
    processbench,
    rlhflow,
    stepmark,
    trl_stepwise,
)
from app.exchange.formats.registry import IMPORT_FORMATS as IMPORT_FORMATS
from app.exchange.formats.registry import register_import_format

DETECTION_ORDER = (
    stepmark.FORMAT,
    gsm8k.FORMAT,
    gsm8k_solutions.FORMAT,
    math500.FORMAT,
    processbench.FORMAT,
    math_cot.FORMAT,
    prm800k.FORMAT,
    trl_stepwise.FORMAT,
    math_shepherd.FORMAT,
    rlhflow.FORMAT,
    prmbench.FORMAT,
    mr_graded.FORMAT,
    messages.FORMAT,
    problem_list.FORMAT,
    mapped.FORMAT,
)
for _format in DETECTION_ORDER:
    register_import_format(_format)
