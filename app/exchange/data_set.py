"""A data set in a folder: a file for each split, a card and checksums, for `datasets.load_dataset`.

The folder is complete or absent: it is written under a temporary name and then renamed."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy.orm import Session

from app.core.errors import Invalid
from app.exchange.data_card import CardFacts, DataFile, Feature, load_card_facts, render_card
from app.exchange.exporter import Progress, require_file_type
from app.exchange.exports.base import BATCH, ExportFormat, ExportParameters, TableFormat
from app.exchange.file_types import JSON_LINES, FileType, TableWriter
from app.projects.models import Project

SPLITS = ("train", "validation", "test")
CARD, CHECKSUMS = "README.md", "SHA256SUMS"
JSON_TYPES = {str: "string", bool: "bool", int: "int64"}
"""Types of fields of rows without columns. Every other field is JSON."""
NO_VALUE = "null"
"""The type of a field until it has a value."""


@dataclass(frozen=True)
class DataSet:
    files: list[DataFile]

    @property
    def rows(self) -> int:
        return sum(file.rows for file in self.files)


class SplitFile:
    """The file of one split while it is written."""

    def __init__(self, folder: Path, split: str, format: ExportFormat, file_type: FileType) -> None:
        self.split, self.rows = split, 0
        self.path = folder / f"{split}.{file_type.id}"
        self.out = self.path.open("wb")
        columns = format.columns if isinstance(format, TableFormat) else None
        self.writer: TableWriter | None = file_type.open(self.out, columns) if columns else None
        self.waiting: list[dict[str, Any]] = []

    def add(self, values: dict[str, Any]) -> None:
        self.waiting.append(values)
        if len(self.waiting) == BATCH:
            self.flush()

    def flush(self) -> None:
        assert self.writer is not None
        self.writer.write(self.waiting)
        self.rows += len(self.waiting)
        self.waiting = []

    def close(self) -> DataFile:
        if self.writer is not None:
            self.flush()
            self.writer.close()
        self.out.close()
        return DataFile(
            self.split, self.path.name, self.rows, self.path.stat().st_size, compute_sha256(self.path)
        )


def write_data_set(
    db: Session,
    project: Project,
    format: ExportFormat,
    parameters: ExportParameters,
    folder: Path,
    *,
    file_type: FileType,
    license: str = "",
    progress: Progress | None = None,
) -> DataSet:
    """Raises Invalid if the folder is not empty, or if there is nothing to export."""
    require_file_type(format, file_type)
    parent = folder.resolve().parent
    if not parent.is_dir():
        raise Invalid(f"Folder not found: {parent}.", remedy="Create it first, or choose another.")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Invalid(f"{folder} is not an empty folder.", remedy="Choose a new folder.")
    part = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=parent))
    try:
        data_set = _write_files(db, project, format, parameters, part, file_type, license, progress)
        part.chmod(0o755)
        part.replace(folder)
        return data_set
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise


def _write_files(
    db: Session, project: Project, format: ExportFormat, parameters: ExportParameters, folder: Path,
    file_type: FileType, license: str, progress: Progress | None,
) -> DataSet:  # fmt: skip
    facts = load_card_facts(db, project, format, parameters, license)
    if isinstance(format, TableFormat):
        files = _write_splits(db, project.id, format, parameters, folder, file_type, progress)
    else:
        files = [_write_lines(db, project.id, format, parameters, folder, facts, progress)]
    if not any(file.rows for file in files):
        raise Invalid(f"There is nothing to export as {format.id}.", remedy="Choose other filters.")
    (folder / CARD).write_text(render_card(facts, files), encoding="utf-8")
    sums = [f"{file.sha256}  {file.name}" for file in files]
    sums.append(f"{compute_sha256(folder / CARD)}  {CARD}")
    (folder / CHECKSUMS).write_text("\n".join(sums) + "\n", encoding="ascii")
    return DataSet(files)


def _write_splits(
    db: Session, project_id: int, format: TableFormat, parameters: ExportParameters, folder: Path,
    file_type: FileType, progress: Progress | None,
) -> list[DataFile]:  # fmt: skip
    splits: dict[str, SplitFile] = {}
    try:
        for number, record in enumerate(format.records(db, project_id, parameters), 1):
            if record.split not in splits:
                splits[record.split] = SplitFile(folder, record.split, format, file_type)
            splits[record.split].add(record.values)
            if progress and number % BATCH == 0:
                progress(number)
    finally:
        files = {split: file.close() for split, file in splits.items()}
    return [files[split] for split in SPLITS if split in files]


def _write_lines(
    db: Session, project_id: int, format: ExportFormat, parameters: ExportParameters, folder: Path,
    facts: CardFacts, progress: Progress | None,
) -> DataFile:  # fmt: skip
    """Rows without columns: one file, whose fields are noted for the card."""
    file = SplitFile(folder, "train", format, JSON_LINES)
    features: dict[str, Feature] = {}
    for piece in format.rows(db, project_id, parameters):
        file.out.write(piece)
        for row in _iter_rows(piece):
            file.rows += 1
            _note_features(features, row)
        if progress:
            progress(file.rows)
    facts.features = list(features.values())
    return file.close()


def _iter_rows(lines: bytes) -> Iterator[dict[str, Any]]:
    return (orjson.loads(line) for line in lines.splitlines())


def _note_features(features: dict[str, Feature], row: dict[str, Any]) -> None:
    """A field has a simple type if all its values have it, and is JSON otherwise."""
    for name, value in row.items():
        dtype = features.setdefault(name, {"name": name, "dtype": NO_VALUE})["dtype"]
        if value is not None:
            own = JSON_TYPES.get(type(value), "json")
            features[name]["dtype"] = own if dtype in (NO_VALUE, own) else "json"


def compute_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_zip(folder: Path, path: Path) -> None:
    """The files of a data set in a zip archive, with the folder's name before them."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for file in sorted(folder.iterdir()):
            archive.write(file, f"{folder.name}/{file.name}")
