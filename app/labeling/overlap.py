"""How many labelers a task goes to: the project's overlap for a seeded share of its tasks, one for
the rest. Decided when a task is queued and never looked at again: who gets it cannot depend on who
has it. The draw goes by the solution's id, so the same solution is drawn alike in every generation."""

from __future__ import annotations

from app.projects.models import Project

SEED = 20260311

TASK_OVERLAP = f"""(CASE WHEN (hashint8extended(s.id, {SEED}) & 1048575) < :overlap_share * 1048576
    THEN :overlap ELSE 1 END)"""
"""SQL: the overlap of solution `s`; binds what `overlap_of` gives."""


def overlap_params(project: Project) -> dict[str, float]:
    return {"overlap": project.overlap, "overlap_share": project.overlap_share}
