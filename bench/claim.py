"""How fast the desk hands out work, and how that compares with the least any tool must do.

Over real HTTP, all on this machine, the load generator included:

* bare:  a handler that finds who is asking, runs `SELECT ... FOR UPDATE SKIP LOCKED` with one update
         and renders a template; nothing else. The floor.
* desk:  POST /projects/.../assignments of Stepmark with every client a new labeler each time, so
         that each request claims a task of the pool and answers with its sheet.
* cycle: one rating and a submission, which claims the next task: what a labeler does all day.

    python bench/claim.py --tasks 100000 --clients 1,16,64
    python bench/claim.py --growth            # claim time at 10,000 and 1,000,000 waiting tasks
    python bench/claim.py --over-assign       # what the naive statement does in a race

DATABASE_URL names a Postgres server where a database `stepmark_bench` may be made and dropped."""

from __future__ import annotations

import argparse
import datetime as dt
import hashlib
import http.client
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

import psycopg  # noqa: E402
from sqlalchemy import text  # noqa: E402
from sqlalchemy.orm import Session  # noqa: E402

from app.accounts.models import User  # noqa: E402
from app.core import db as core_db  # noqa: E402
from app.labeling import claims  # noqa: E402
from app.projects.models import Project  # noqa: E402
from bench.database import fresh  # noqa: E402

STATEMENT = "A train leaves at noon with $3x + 2$ passengers. How many are there when $x = 14$?"
STEPS = [
    f"In step {n} we see that \\( x_{n} = {n} \\cdot \\frac{{14}}{{3}} \\), and go on." for n in range(8)
]


def fill(url: str, slug: str, tasks: int, labelers: int) -> list[str]:
    """A project with `tasks` waiting, and session tokens of its labelers."""
    tokens = [f"bench-{slug}-{number}" for number in range(labelers)]
    with psycopg.connect(url) as db:
        row = db.execute(
            "INSERT INTO project (slug, name) VALUES (%s, %s) RETURNING id", (slug, slug.title())
        ).fetchone()
        assert row
        project = row[0]
        db.execute(
            "INSERT INTO problem (project_id, external_id, statement, statement_hash, reference_answer)"
            " SELECT %s, n::text, %s || n, sha256(n::text::bytea), '42' FROM generate_series(1, %s) n",
            (project, STATEMENT, max(1, tasks // 8)),
        )
        db.execute(
            "WITH p AS (SELECT id, row_number() OVER () AS n FROM problem WHERE project_id = %s), made AS ("
            " INSERT INTO solution (project_id, problem_id, external_id, steps, digest, verdict)"
            " SELECT %s, p.id, p.n || '-' || k, %s, sha256('x'), 'correct' FROM p, generate_series(1, 8) k"
            " RETURNING id)"
            " INSERT INTO task (project_id, solution_id, generation, priority)"
            " SELECT %s, id, 0, random() FROM made",
            (project, project, STEPS, project),
        )
        for token in tokens:
            digest = hashlib.sha256(token.encode()).digest()
            db.execute(
                "WITH u AS (INSERT INTO user_account (email) VALUES (%s) RETURNING id), m AS ("
                " INSERT INTO membership (project_id, user_id, role) SELECT %s, id, 'labeler' FROM u)"
                " INSERT INTO user_session (token_hash, user_id, expires_at)"
                " SELECT %s, id, now() + interval '1 day' FROM u",
                (f"{token}@example.org", project, digest),
            )
        db.commit()
        db.autocommit = True
        db.execute("VACUUM ANALYZE")
    return tokens


@contextmanager
def serving(app: str, url: str, workers: int) -> Iterator[int]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    command = [sys.executable, "-m", "uvicorn", app, "--port", str(port), "--workers", str(workers)]
    environment = os.environ | {"DATABASE_URL": url, "STEPMARK_POOL_SIZE": "16", "PYTHONPATH": str(ROOT)}
    server = subprocess.Popen(
        [*command, "--log-level", "error", "--no-access-log"],
        env=environment,
        cwd=ROOT,
        start_new_session=True,
    )
    try:
        end = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.1)
        yield port
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait()


class Client:
    """One connection, kept open, as a browser keeps it."""

    def __init__(self, port: int) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.connection.connect()
        self.connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def post(self, path: str, token: str, body: object = None) -> bytes:
        headers = {
            "Cookie": f"stepmark={token}",
            "Accept": "application/json",
            "Sec-Fetch-Site": "same-origin",
            "Content-Type": "application/json",
        }
        self.connection.request("POST", path, json.dumps(body) if body is not None else None, headers)
        answer = self.connection.getresponse()
        content = answer.read()
        if answer.status >= 400:
            raise RuntimeError(f"{answer.status} {content[:300]!r}")
        return content


Times = list[float]


def drive(clients: int, seconds: float, work: Callable[[int, float, Times], None]) -> tuple[float, Times]:
    """Run `work(number, until, times)` in so many threads; returns acts a second and their times."""
    everything: list[Times] = [[] for _ in range(clients)]
    failed: list[BaseException] = []
    start = time.perf_counter()

    def run_client(number: int) -> None:
        try:
            work(number, start + seconds, everything[number])
        except BaseException as error:  # reported below, by the main thread
            failed.append(error)

    threads = [threading.Thread(target=run_client, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]
    spent = time.perf_counter() - start
    times = sorted(value for times_of_client in everything for value in times_of_client)
    return len(times) / spent, times


def claim_request(
    port: int, path: str, tokens: list[str], clients: int
) -> Callable[[int, float, Times], None]:
    """Each claim by a labeler who holds nothing yet: no token is used twice."""
    share = len(tokens) // clients

    def work(number: int, until: float, times: Times) -> None:
        client = Client(port)
        for token in tokens[number * share : (number + 1) * share]:
            start = time.perf_counter()
            client.post(path, token)
            times.append(time.perf_counter() - start)
            if start > until:
                break

    return work


def cycles(port: int, base: str, tokens: list[str]) -> Callable[[int, float, Times], None]:
    def work(number: int, until: float, times: Times) -> None:
        client, token = Client(port), tokens[number]
        sheet = json.loads(client.post(f"{base}/assignments", token))
        while sheet and time.perf_counter() < until:
            start = time.perf_counter()
            address = f"{base}/assignments/{sheet['assignment']['id']}"
            event = {"id": str(uuid.uuid4()), "position": 0, "rating": -1, "active_ms": 900}
            client.post(f"{address}/ratings", token, {"events": [event]})
            sheet = json.loads(client.post(f"{address}/submission", token, {"finish_reason": "found_error"}))[
                "next"
            ]
            times.append(time.perf_counter() - start)

    return work


def row(what: str, clients: int, rate: float, times: Times, floor: float | None = None) -> None:
    p50, p99 = (times[int(len(times) * share)] * 1000 for share in (0.5, 0.99))
    ratio = f"{rate / floor:6.0%}" if floor else "      "
    print(f"| {what:22} | {clients:7} | {rate:8.0f} | {p50:7.1f} | {p99:7.1f} | {ratio} |", flush=True)


def compare(url: str, tasks: int, clients: list[int], seconds: float, workers: int) -> None:
    tokens = fill(url, "pool", tasks, 6000)
    bare_tokens = fill(url, "bare", tasks, 6000)
    print(f"{tasks:,} tasks, {workers} web processes, {seconds:.0f} s each")
    print("| what                   | clients |    per s | p50 ms  | p99 ms  | of bare |")
    print("|---|---|---|---|---|---|")
    used = 0
    with (
        serving("bench.baseline_server:app", url, workers) as bare,
        serving("app.main:app", url, workers) as desk,
    ):
        for count in clients:
            share = slice(used, used + 6000 // len(clients))
            used += 6000 // len(clients)
            floor, times = drive(count, seconds, claim_request(bare, "/claim", bare_tokens[share], count))
            row("bare claim and render", count, floor, times)
            rate, times = drive(
                count, seconds, claim_request(desk, "/projects/pool/assignments", tokens[share], count)
            )
            row("desk claim and render", count, rate, times, floor)
        for count in clients:
            rate, times = drive(count, seconds, cycles(desk, "/projects/pool", tokens))
            row("rate, submit and next", count, rate, times)


def growth(url: str) -> None:
    """The claim by itself, in the database's own connection, at two sizes of the pool."""
    medians = []
    for size in (10_000, 1_000_000):
        fill(url, f"pool-{size}", size, 600)
        engine = core_db.make_engine(url, pool_size=1)
        times = []
        with Session(engine, expire_on_commit=False) as db:
            project = db.execute(
                text("SELECT id FROM project WHERE slug = :s"), {"s": f"pool-{size}"}
            ).scalar_one()
            users = db.execute(
                text("SELECT user_id FROM membership WHERE project_id = :p"), {"p": project}
            ).scalars()
            people = [db.get_one(User, user) for user in list(users)]
            pool = db.get_one(Project, project)
            db.commit()
            for who in people:
                start = time.perf_counter()
                assert claims.claim_assignment(db, pool, who, dt.datetime.now(dt.UTC))
                db.commit()
                times.append(time.perf_counter() - start)
        engine.dispose()
        medians.append(statistics.median(times[100:]))
        print(
            f"{size:>9,} waiting: median {medians[-1] * 1000:.2f} ms a claim, durable commit included",
            flush=True,
        )
    print(f"1,000,000 against 10,000: {medians[1] / medians[0]:.2f} times")


NAIVE = """
    INSERT INTO assignment (project_id, task_id, user_id, state, lease_expires_at)
    SELECT t.project_id, t.id, %s, 'leased', now() + interval '1 hour' FROM task t
    WHERE t.project_id = %s
      AND (SELECT count(*) FROM assignment a WHERE a.task_id = t.id) < 1
      AND NOT EXISTS (SELECT 1 FROM assignment a WHERE a.task_id = t.id AND a.user_id = %s)
    ORDER BY t.priority DESC LIMIT 1 FOR UPDATE OF t SKIP LOCKED RETURNING task_id
"""


def over_assign(url: str) -> None:
    """32 labelers, the obvious statement against ours: how many claims went over the limit of one."""
    for name, naive in (("naive", True), ("stepmark", False)):
        fill(url, f"race-{name}", 2000, 32 * 20)
        with psycopg.connect(url) as db:
            project_row = db.execute("SELECT id FROM project WHERE slug = %s", (f"race-{name}",)).fetchone()
            assert project_row
            users = [
                r[0] for r in db.execute("SELECT user_id FROM membership WHERE project_id = %s", project_row)
            ]
        engine = core_db.make_engine(url, pool_size=32)

        def claim(who: int, naive: bool = naive, project: int = project_row[0], engine=engine) -> None:  # type: ignore[no-untyped-def]
            with Session(engine) as db, db.begin():
                if naive:
                    db.connection().exec_driver_sql(NAIVE, (who, project, who))
                else:
                    claims.claim_assignment(
                        db, db.get_one(Project, project), db.get_one(User, who), dt.datetime.now(dt.UTC)
                    )

        def work(number: int, _: float, times: Times, users: list[int] = users, claim=claim) -> None:  # type: ignore[no-untyped-def]
            for who in users[number::32]:
                claim(who)
                times.append(0)

        drive(32, 600, work)
        with psycopg.connect(url) as db:
            over = db.execute(
                "SELECT coalesce(sum(n - 1), 0), sum(n) FROM (SELECT count(*) AS n FROM assignment"
                " WHERE project_id = %s GROUP BY task_id) c",
                project_row,
            ).fetchone()
        assert over
        print(f"{name:9}: {over[0]} of {over[1]} claims over the limit", flush=True)
        engine.dispose()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tasks", type=int, default=100_000)
    parser.add_argument("--clients", default="1,16,64")
    parser.add_argument("--seconds", type=float, default=6)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--growth", action="store_true")
    parser.add_argument("--over-assign", action="store_true")
    arguments = parser.parse_args()
    with fresh(os.environ["DATABASE_URL"], "stepmark_bench") as url:
        if arguments.growth:
            growth(url)
        elif arguments.over_assign:
            over_assign(url)
        else:
            clients = [int(n) for n in arguments.clients.split(",")]
            compare(url, arguments.tasks, clients, arguments.seconds, arguments.workers)


if __name__ == "__main__":
    main()
