# ruff: noqa: E501
"""The pool explorer over many scored solutions: a page, filters, search, the histogram, each against
the plain way (OFFSET; counting everything). Prints milliseconds and ratios.

    STEPMARK_TEST_SERVER=postgresql://... PYTHONPATH=. python bench/explorer.py --solutions 1000000 [--keep]"""

from __future__ import annotations

import argparse
import os

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.core.db import make_engine
from app.explorer import histogram, pool_query
from app.explorer.pool_filter import PoolFilter
from app.explorer.pool_query import PageCursor
from bench.database import fresh
from bench.timing import took

EACH = 100
FILL = (
    "INSERT INTO project (name, slug) VALUES ('Pool', 'pool')",
    """INSERT INTO problem (project_id, external_id, statement, statement_hash, reference_answer, subject, level)
       SELECT p.id, 'p' || n, 'How many apples has basket ' || n || '?', sha256(n::text::bytea), '4',
              'subject ' || n % 7, (n % 5)::text FROM project p, generate_series(1, {problems}) n""",
    """INSERT INTO solution (project_id, problem_id, external_id, generator, steps, digest, final_answer, verdict)
       SELECT p.project_id, p.id, p.external_id || '-' || n, 'g' || n % 3,
              array_fill('So $' || n || '+2=4$, as basket ' || p.id || ' says.', ARRAY[8]),
              sha256((p.id * 1000 + n)::text::bytea), '4', (ARRAY['correct', 'incorrect', 'incorrect', 'unparseable'])[1 + n % 4]
       FROM problem p, generate_series(1, {each}) n""",
    """INSERT INTO model (project_id, name, path, weights_hash, config)
       SELECT id, 'Judge', 'x', 'x', '{{}}' FROM project""",
    """INSERT INTO score (model_id, solution_id, problem_id, log_score, step_probs)
       SELECT m.id, s.id, s.problem_id, ln(greatest(random(), 1e-9)),
              array_fill(random()::real, ARRAY[24]) FROM model m, solution s""",
)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--solutions", type=int, default=1_000_000)
    parser.add_argument("--keep", action="store_true", help="leave the database, for a look at the pages")
    options = parser.parse_args()
    with fresh(os.environ["STEPMARK_TEST_SERVER"], "bench_explorer", keep=options.keep) as url:
        engine = make_engine(url)
        with engine.begin() as db:
            for statement in FILL:
                part = statement.format(problems=options.solutions // EACH, each=EACH)
                db.exec_driver_sql(part.replace("%", "%%"))
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as db:
            db.exec_driver_sql("VACUUM ANALYZE")
        with Session(engine) as session:
            show(session, options.solutions)
            session.commit()
        engine.dispose()


def show(db: Session, size: int) -> None:
    project, model = db.execute(text("SELECT project_id, id FROM model")).one()
    score, middle = db.execute(
        text("SELECT log_score, solution_id FROM score ORDER BY log_score DESC OFFSET :half LIMIT 1"),
        {"half": size // 2},
    ).one()

    def page(cursor: PageCursor | None = None, **filters: object) -> float:
        pool_filter = PoolFilter(model_id=model, **filters)  # type: ignore[arg-type]
        return took(lambda: pool_query.load_page(db, project, pool_filter, cursor))

    plain = text(
        "SELECT s.id FROM score c JOIN solution s ON s.id = c.solution_id JOIN problem p ON p.id = s.problem_id"
        " WHERE c.model_id = :model ORDER BY log_score DESC, solution_id OFFSET :half LIMIT 51"
    )
    offset = took(lambda: db.execute(plain, {"model": model, "half": size // 2}).all(), 3)
    first, half = page(), page(PageCursor(middle, score))
    print(f"{size:,} scored solutions")
    print(f"first page                       {first:8.1f} ms")
    print(
        f"page in the middle, by key       {half:8.1f} ms   OFFSET {offset:.1f} ms: {offset / half:.0f} times"
    )
    print(f"wrong, of one generator          {page(verdict='incorrect', generator='g1'):8.1f} ms")
    print(f"a generator that is not there    {page(generator='none'):8.1f} ms   (scanned 20,000)")
    print(f"words of one problem             {page(query='basket 77'):8.1f} ms")
    print(f"words in every problem           {page(query='apples'):8.1f} ms")
    print(f"words of steps                   {page(query='$7+2=4$', search_in='steps'):8.1f} ms")
    print(
        f"words no step has                {page(query='zebra', search_in='steps'):8.1f} ms   (scanned 20,000)"
    )
    pool_filter = PoolFilter(model_id=model)
    counting = took(lambda: histogram.refresh_histogram(db, model), 1)
    cached_ms = took(lambda: histogram.load_histogram(db, project, pool_filter))
    print(
        f"histogram, kept                  {cached_ms:8.1f} ms   counted {counting:.0f} ms: {counting / cached_ms:.0f} times"
    )


if __name__ == "__main__":
    main()
