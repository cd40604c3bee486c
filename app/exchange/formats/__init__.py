"""The formats Stepmark reads, one module each: a row of JSON in, a `Line` of records out."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType
from typing import Any

from app.core.errors import Invalid
from app.exchange.field_parsers import require_object
from app.exchange.file_reader import iter_entries
from app.exchange.formats import (
    gsm8k,
    gsm8k_solutions,
    math500,
    math_cot,
    prm800k,
    processbench,
    stepmark,
)
from app.exchange.json_decoding import RecordError, decode
from app.exchange.records import ImportedRecord

IMPORT_FORMATS: dict[str, ModuleType] = {
    "stepmark": stepmark,
    "gsm8k": gsm8k,
    "gsm8k-solutions": gsm8k_solutions,
    "math": math500,
    "processbench": processbench,
    "math-cot": math_cot,
    "prm800k": prm800k,
}
DETECTION_RECORDS = 20


class UnknownFormat(Invalid):
    code = "unknown_format"


def detect_format(path: Path) -> str:
    """The format of the first record that has one."""
    seen: list[Any] = []
    for tried, entry in enumerate(iter_entries(path)):
        if tried == DETECTION_RECORDS:
            break
        try:
            row = require_object(decode(entry.raw)) if entry.error is None else {}
        except RecordError as bad:
            seen.append(str(bad))
            continue
        for name, reader in IMPORT_FORMATS.items():
            if reader.fits(row):
                return name
        seen.append("fields " + ", ".join(list(row)[:8]))
    what = f"its first record has: {seen[0]}" if seen else "it has no record"
    raise UnknownFormat(
        f"The format of this file is not known: {what[:300]}",
        remedy=f"Choose the format yourself ({', '.join(IMPORT_FORMATS)}), or see docs/formats.md.",
    )


def parse_record(name: str, raw: bytes, segmentation: str) -> ImportedRecord:
    """One entry's records. Raises BadLine."""
    return IMPORT_FORMATS[name].parse(require_object(decode(raw)), segmentation)


def default_split(name: str, filename: str) -> tuple[str, str]:
    """The split of problems whose line names none, and why."""
    words = set(re.split(r"[^a-z0-9]+", filename.lower()))
    if name == "prm800k":
        return "train", "rows with labels are for training"
    if name == "math":
        return "test", "MATH-500 is the test split of its paper"
    for split, signs in (("test", {"test"}), ("validation", {"val", "valid", "validation", "dev"})):
        if words & signs:
            return split, f"the file's name says {split}"
    return "train", "nothing in the file or its name says otherwise"
