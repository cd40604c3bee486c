"""Solutions of a file without problem identifiers join the problem of the project with the same statement.

A file of model outputs names the question and the answer of the model. The reference answers came with
another file. Without the join, the solutions could not be graded."""

from __future__ import annotations

from collections.abc import Iterable

import psycopg

from app.exchange.records import ExistingProblem, ProblemRecord, build_statement_id
from app.problems.problem_keys import statement_key

SELECT_BY_STATEMENT = """
    SELECT statement_hash, id, split, statement, reference_answer, reference_solution FROM problem
    WHERE project_id = %s AND statement_hash = ANY(%s)
    ORDER BY reference_answer IS NULL DESC, id DESC
"""


def find_joined(
    connection: psycopg.Connection, project_id: int, prefix: str, problems: Iterable[ProblemRecord]
) -> dict[str, ExistingProblem]:
    """By the identifier in the record, the oldest problem with the same statement. A problem with a reference
    answer is preferred. Records that bring an identifier of their own are left out."""
    names = {
        statement_key(problem.statement): problem.external_id
        for problem in problems
        if problem.external_id == build_statement_id(prefix, problem.statement)
    }
    rows = connection.execute(SELECT_BY_STATEMENT, (project_id, list(names))).fetchall()
    return {
        names[bytes(key)]: ExistingProblem(row_id, split, bytes(key), *texts)
        for key, row_id, split, *texts in rows
    }
