"""PURE: PRM800K rows as an import format; the row itself is in exchange/prm800k.py."""

from __future__ import annotations

from app.exchange.field_parsers import Row
from app.exchange.prm800k import parse_row
from app.exchange.records import ImportedRecord

NAME = "PRM800K rows, with their labels"
ASK_SEGMENTATION = False
SEGMENTATION = "line"


def fits(row: Row) -> bool:
    return {"labeler", "question", "label"} <= set(row)


def parse(row: Row, segmentation: str) -> ImportedRecord:
    return parse_row(row)
