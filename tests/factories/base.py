"""The least of each thing, in the session given, flushed."""

from __future__ import annotations

import datetime as dt
import hashlib
import itertools

from fastapi.testclient import TestClient
from sqlalchemy.orm import Session

from app.accounts import sessions
from app.accounts.access import cookie_name
from app.accounts.models import User
from app.labeling.models import Task
from app.problems.models import Problem, Solution
from app.projects.models import Membership, Project

number = itertools.count(1)


def user(db: Session, email: str = "", *, is_admin: bool = False, name: str = "") -> User:
    row = User(email=email or f"person{next(number)}@example.org", name=name, is_admin=is_admin)
    db.add(row)
    db.flush()
    return row


def project(db: Session, name: str = "", **values: object) -> Project:
    name = name or f"Project {next(number)}"
    row = Project(name=name, slug=name.lower().replace(" ", "-"), **values)
    db.add(row)
    db.flush()
    return row


def member(db: Session, of: Project, role: str = "labeler", who: User | None = None) -> User:
    who = who or user(db)
    db.add(Membership(project_id=of.id, user_id=who.id, role=role))
    db.flush()
    return who


def problem(
    db: Session, of: Project, statement: str = "What is 2 + 2?", answer: str = "4", **values: object
) -> Problem:
    values.setdefault("external_id", f"problem-{next(number)}")
    row = Problem(
        project_id=of.id,
        statement=statement,
        statement_hash=hashlib.sha256(statement.encode()).digest(),
        reference_answer=answer,
        **values,
    )
    db.add(row)
    db.flush()
    return row


def solution(
    db: Session, of: Problem, steps: tuple[str, ...] = ("2 + 2 = 4", "# Answer\n\n4"), **values: object
) -> Solution:
    values.setdefault("external_id", f"solution-{next(number)}")
    values.setdefault("verdict", "correct")
    values.setdefault("final_answer", "4")
    row = Solution(
        project_id=of.project_id,
        problem_id=of.id,
        steps=list(steps),
        digest=hashlib.sha256("\0".join(steps).encode()).digest(),
        **values,
    )
    db.add(row)
    db.flush()
    return row


def task(db: Session, of: Solution, **values: object) -> Task:
    row = Task(project_id=of.project_id, solution_id=of.id, **{"generation": 0, **values})
    db.add(row)
    db.flush()
    return row


def sign_in(web: TestClient, db: Session, who: User) -> None:
    """A session cookie for `who`, without going through the login form."""
    token = sessions.create_session(db, who, now=dt.datetime.now(dt.UTC))
    web.cookies.set(cookie_name(), token)
