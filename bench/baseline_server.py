"""The floor for bench/claim.py: who is asking, one claim, one template; no rules, no checks."""

from __future__ import annotations

import hashlib
import os
from typing import Annotated

import psycopg_pool
from fastapi import Cookie, FastAPI
from fastapi.responses import HTMLResponse
from jinja2 import Environment

pool = psycopg_pool.ConnectionPool(os.environ["DATABASE_URL"], min_size=4, max_size=16, open=True)
app = FastAPI()
template = Environment(autoescape=True).from_string(
    "<h1>{{ statement }}</h1><p>{{ answer }}</p>"
    "<ol>{% for step in steps %}<li>{{ step }}</li>{% endfor %}</ol>"
)
WHO = "SELECT user_id FROM user_session WHERE token_hash = %s AND expires_at > now()"
CLAIM = """
    SELECT t.id, t.project_id, p.statement, p.reference_answer, s.steps FROM task t
    JOIN solution s ON s.id = t.solution_id JOIN problem p ON p.id = s.problem_id
    WHERE t.project_id = (SELECT id FROM project WHERE slug = 'bare')
      AND t.assigned_count < t.overlap AND t.withdrawn_at IS NULL
    ORDER BY t.priority DESC, t.id LIMIT 1 FOR UPDATE OF t SKIP LOCKED
"""


@app.post("/claim")
def claim(stepmark: Annotated[str, Cookie()]) -> HTMLResponse:
    with pool.connection() as db:
        user = db.execute(WHO, (hashlib.sha256(stepmark.encode()).digest(),)).fetchone()
        assert user
        task = db.execute(CLAIM).fetchone()
        assert task
        db.execute("UPDATE task SET assigned_count = assigned_count + 1 WHERE id = %s", (task[0],))
        db.execute(
            "INSERT INTO assignment (project_id, task_id, user_id, state, lease_expires_at)"
            " VALUES (%s, %s, %s, 'leased', now() + interval '1 hour')",
            (task[1], task[0], user[0]),
        )
    return HTMLResponse(template.render(statement=task[2], answer=task[3], steps=task[4]))
