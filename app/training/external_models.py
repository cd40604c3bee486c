"""External models: a local folder becomes a model of the project. A subprocess (app.prm.import_model)
checks and copies it, so the memory of torch is freed and this process reads nothing in the folder."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts import audit
from app.core.errors import Invalid
from app.prm.checkpoint_safety import BadCheckpoint, validate_folder
from app.settings import settings
from app.training.models import Model

ROOT = Path(__file__).parent.parent.parent
SECONDS = 1_800


def import_checkpoint(folder: str, project_id: int) -> dict[str, Any]:
    """{"path", "weights_hash", "kind", "config", "metrics"} of the copy under the models folder.
    Raises Invalid with the reason if the folder is not a supported model."""
    try:
        validate_folder(Path(folder))
    except BadCheckpoint as error:
        raise Invalid(f"Unsupported model folder: {error}", remedy="See docs/evaluation.md.") from error
    path = f"{project_id}/external-{uuid.uuid4().hex[:12]}"
    done = subprocess.run(
        [sys.executable, "-m", "app.prm.import_model", folder, str(settings().models_dir / path)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        cwd=ROOT,
        env=os.environ | {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"},
        timeout=SECONDS,
        check=False,
    )
    output = done.stdout.decode(errors="replace").strip().splitlines()
    if done.returncode == 0 and output:
        description: dict[str, Any] = json.loads(output[-1])
        return {"path": path, **description}
    if done.returncode == 2 and output:
        raise Invalid(f"Unsupported model folder: {output[-1]}", remedy="See docs/evaluation.md.")
    tail = done.stderr.decode(errors="replace").strip().splitlines()[-3:]
    raise Invalid("Failed to read the model folder: " + " ".join(tail))


def register_model(db: Session, project_id: int, folder: str, copied: dict[str, Any]) -> int:
    """The ID of the project's model with these weights, created if necessary."""
    weights = bytes.fromhex(copied["weights_hash"])
    existing_id = db.scalar(
        select(Model.id)
        .where(Model.project_id == project_id, Model.weights_hash == weights, Model.training_run_id.is_(None))
        .limit(1)
    )
    if existing_id is not None:
        shutil.rmtree(settings().models_dir / copied["path"], ignore_errors=True)
        return existing_id
    model = Model(
        project_id=project_id,
        name=Path(folder).name[:80] or "elsewhere",
        kind=copied["kind"],
        path=copied["path"],
        weights_hash=weights,
        config=copied["config"],
        metrics={"made_elsewhere": True},
    )
    db.add(model)
    db.flush()
    audit.record_event(db, None, "model.register", subject=model.name, project_id=project_id)
    return model.id
