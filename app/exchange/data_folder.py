"""A folder of data files in the layout of the Hugging Face Hub: `data/train-00000-of-00002.parquet`,
`test/part.jsonl`. Each file is imported by itself; its path tells its split."""

from __future__ import annotations

from pathlib import Path

from app.core.errors import Invalid

SUFFIXES = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".parquet", ".arrow", ".feather")
DESCRIPTIONS = frozenset(("dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json"))
"""Files that describe a data set and hold none of it."""
POINTER = b"version https://git-lfs"
MAX_FILES = 10_000


def is_data_file(name: str) -> bool:
    """Whether a path in the folder, with slashes, is one of a data file."""
    parts = name.split("/")
    is_hidden = any(part.startswith((".", "__")) for part in parts)
    return not is_hidden and parts[-1] not in DESCRIPTIONS and name.removesuffix(".gz").endswith(SUFFIXES)


def list_data_files(folder: Path) -> dict[str, Path]:
    """The data files by their path in the folder, in order. Raises Invalid if it holds none, or pointers."""
    paths = {
        path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()
    }
    files = {name: path for name, path in paths.items() if is_data_file(name)}
    if not 0 < len(files) <= MAX_FILES:
        raise Invalid(
            f"The folder {folder} holds {len(files):,} data files.",
            remedy=f"It needs 1 to {MAX_FILES:,} files that end in {', '.join(SUFFIXES)}.",
        )
    for name, path in files.items():
        with path.open("rb") as file:
            if file.read(len(POINTER)) == POINTER:
                raise Invalid(
                    f"{name} is a pointer of Git LFS, not the file itself.", remedy="Run: git lfs pull"
                )
    return files
