"""Notes of labelers go with the labels where asked for, come back from an import, and change nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from uuid import uuid4

from fastapi.testclient import TestClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.models import AuditEvent
from app.core.db import transaction
from app.exchange import exporter, importer
from app.exchange.exports.prm800k_rows import FORMAT, Prm800kParameters
from app.labeling import claims, notes
from app.labeling.notes import Note
from app.projects.models import Project
from tests.factories import base as factories
from tests.factories.quality import NOW, label_solution, solution

NOTED = Prm800kParameters(notes=True)


def noted(db: Session, project: Project) -> None:
    """Two judgements, of which the first has notes: one replaced by a newer one, one taken back."""
    who = factories.member(db, project)
    for first in (True, False):
        factories.task(db, solution(db, project))
        held = claims.claim_assignment(db, project, who, NOW)
        assert held
        if first:
            for position, content in ((1, "Is 0 allowed?"), (0, "Hm."), (1, "Is “0” <allowed>?"), (0, "")):
                notes.save_note(db, held, Note(uuid4(), position, content))
        label_solution(db, project, held, 1)


def rows(db: Session, project: Project, chosen: Prm800kParameters) -> list[dict]:
    return [json.loads(line) for line in b"".join(FORMAT.rows(db, project.id, chosen)).splitlines()]


def test_a_field_of_its_own_where_it_is_asked_for(db: Session, web: TestClient) -> None:
    project = factories.project(db)
    noted(db, project)
    plain, with_notes = rows(db, project, Prm800kParameters()), rows(db, project, NOTED)
    [note] = with_notes[0].pop("notes")
    assert with_notes == plain, "and nothing else is different"
    assert note.pop("at").endswith("+00:00")
    assert note == {"position": 1, "candidate": 0, "text": "Is “0” <allowed>?"}
    assert FORMAT.count(db, project.id, NOTED) == 2

    factories.sign_in(web, db, factories.member(db, project, "admin"))
    page = web.get(f"/projects/{project.slug}/exports?notes=true").text
    assert 'name="notes" value="true" checked' in page
    assert "prm800k.jsonl?notes=true" in page
    exporter.record_export(db, project, FORMAT, NOTED, None, 2)
    detail = db.scalar(select(AuditEvent.detail).where(AuditEvent.action == "export.prm800k"))
    assert detail == {"rows": 2, "filters": {"notes": True}}


def test_imported_elsewhere_the_rows_keep_them(database: str, tmp_path: Path) -> None:
    with transaction() as db:
        project, other = factories.project(db), factories.project(db)
        noted(db, project)
    path = tmp_path / "rows.jsonl"
    with transaction() as db:
        exporter.write_file(db, project.id, FORMAT, NOTED, path)
    with transaction() as db:
        begun = importer.create_import(db, other, path)
    importer.run_import(begun.id)
    with transaction() as db:
        again = rows(db, other, Prm800kParameters())
    assert again == [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert [len(row.get("notes", ())) for row in again] == [1, 0]
