"""`stepmark up` as a person runs it: it comes up, stands up again, and leaves nothing behind."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg
import pytest

from app.core.embedded import Embedded
from tests.polling import LONG, free_port, until

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def state() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="stepmark-test-"))
    folder.chmod(0o755)
    yield folder
    for process in marked(folder):
        process.kill()
    shutil.rmtree(folder, ignore_errors=True)


def marked(folder: Path) -> list[psutil.Process]:
    """Every process that belongs to this test's STEPMARK_HOME: by environment, or by folder."""
    processes = []
    for process in psutil.process_iter():
        try:
            ours = process.environ().get("STEPMARK_HOME") == str(folder)
            if (ours or process.cwd().startswith(str(folder))) and process.status() != psutil.STATUS_ZOMBIE:
                processes.append(process)
        except psutil.Error:
            continue
    return processes


def environment(folder: Path, **more: str) -> dict[str, str]:
    plain = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    return plain | {"STEPMARK_HOME": str(folder)} | more


@contextmanager
def up(folder: Path, port: int, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "app.cli", "up", "--port", str(port), *arguments]
    with (folder / "said").open("w") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment(folder), stdout=output, stderr=output, text=True
        )
        try:
            until(
                lambda: answer(port, "/readyz") == 200,
                "it to be ready",
                more=lambda: (folder / "said").read_text(),
            )
            yield process
        finally:
            process.kill()
            process.wait()


def answer(port: int, path: str) -> int:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as response:
            return int(response.status)
    except OSError:
        return 0


def test_comes_up_stands_up_again_and_ctrl_c_ends_it_all(state: Path) -> None:
    port = free_port()
    with up(state, port) as process:
        assert answer(port, "/healthz") == 200
        read_output = (state / "said").read_text
        until(
            lambda: f"Stepmark is at http://127.0.0.1:{port}" in read_output(),
            "its address",
            more=read_output,
        )
        assert "password" in read_output(), "the first admin's login is told"
        (web,) = [process for process in marked(state) if "uvicorn" in process.cmdline()]
        web.kill()
        until(lambda: answer(port, "/healthz") == 0, "the web to be down")
        until(lambda: answer(port, "/readyz") == 200, "the web to be up again")
        assert "The web ended (signal SIGKILL); it starts again" in read_output()
        process.send_signal(signal.SIGINT)
        assert process.wait(LONG) == 0, read_output()
        assert marked(state) == []


@pytest.mark.parametrize("victims", ["all", "postmaster"])
def test_a_killed_database_comes_back_by_itself(state: Path, victims: str) -> None:
    port = free_port()
    with up(state, port) as process:
        for times in (1, 2):
            servers = [server for server in marked(state) if server.name().startswith("postgres")]
            assert len(servers) > 3
            pid = Embedded(state / "postgres").status().pid
            for server in servers:
                if victims == "all" or server.pid == pid:
                    server.kill()
            until(
                lambda: (state / "said").read_text().count("The database is up again") == times,  # noqa: B023 - called at once
                "the database to be started",
                seconds=60,
                more=(state / "said").read_text,
            )
            until(lambda: answer(port, "/readyz") == 200, "the service to be back", seconds=60)
        assert "DATABASE_URL" not in (state / "said").read_text(), "nobody set one"
        process.send_signal(signal.SIGINT)
        assert process.wait(LONG) == 0
        assert marked(state) == []


def test_up_directly_after_its_own_death_waits_for_the_port(state: Path) -> None:
    port = free_port()
    with up(state, port) as process:
        process.kill()
        process.wait()
        assert answer(port, "/healthz") == 200, "the web process still holds the port"
        with up(state, port) as second:  # ready at once: the old web process answers
            until(lambda: "Stepmark is at" in (state / "said").read_text(), "the second to be up")
            second.send_signal(signal.SIGINT)
            assert second.wait(LONG) == 0
            assert "Waiting for the processes of a killed Stepmark" in (state / "said").read_text()
        assert marked(state) == []


def test_a_terminated_up_leaves_nothing_and_tells_no_login_twice(state: Path) -> None:
    port = free_port()
    with up(state, port, "--no-worker") as process:
        process.terminate()
        assert process.wait(LONG) == 0
    with up(state, port, "--no-worker") as process:
        process.terminate()
        assert process.wait(LONG) == 0
        assert "password" not in (state / "said").read_text()
    assert marked(state) == []


def test_a_killed_up_leaves_nothing(state: Path) -> None:
    with up(state, free_port()) as process:
        process.kill()
        process.wait()
        until(lambda: marked(state) == [], "all to be gone", more=lambda: str(marked(state)))


def test_a_port_in_use_is_named_before_anything_starts(state: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = run(state, "up", "--port", str(port))
    assert done.returncode == 1
    assert f"port {port}" in done.stderr
    assert "--port" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (state / "postgres").exists()


def test_a_command_beside_up_shares_its_database(state: Path) -> None:
    port = free_port()
    with up(state, port, "--no-worker") as process:
        done = run(state, "db", "status")
        assert "running" in done.stdout
        assert run(state, "db", "upgrade").returncode == 0
        assert answer(port, "/readyz") == 200
        process.terminate()
        assert process.wait(LONG) == 0


def test_backup_and_restore(state: Path) -> None:
    assert run(state, "db", "upgrade").returncode == 0
    file = state / "backup"
    embedded = Embedded(state / "postgres")
    url = embedded.start()
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute("INSERT INTO user_account (email) SELECT 'person-' || n FROM generate_series(1, 500) n")
    done = run(state, "db", "backup", str(file))
    assert done.returncode == 0, done.stderr
    refused = run(state, "db", "restore", str(file))
    assert refused.returncode == 1
    assert "--replace" in refused.stderr
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute("DELETE FROM user_account WHERE id > 100")
    restored = run(state, "db", "restore", "--replace", str(file))
    assert restored.returncode == 0, restored.stderr
    with psycopg.connect(url) as admin:
        assert admin.execute("SELECT count(DISTINCT email) FROM user_account").fetchone() == (500,)
    embedded.stop()
    assert marked(state) == []


@pytest.mark.parametrize(
    ("arguments", "more", "code", "says"),
    [
        (["db", "nonsense"], {}, 2, "No such command"),
        (["up"], {"STEPMARK_PORT": "many"}, 2, "STEPMARK_PORT"),
        (["db", "status"], {"DATABASE_URL": "postgresql://nobody@127.0.0.1:9/none"}, 1, "does not answer"),
        (["db", "restore", "nowhere"], {}, 2, "no file"),
    ],
)
def test_expected_errors_are_told_without_a_traceback(
    state: Path, arguments: list[str], more: dict[str, str], code: int, says: str
) -> None:
    done = run(state, *arguments, **more)
    assert done.returncode == code, done.stderr
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_the_version() -> None:
    assert run(ROOT, "--version").stdout.startswith("stepmark ")


def test_the_web_and_the_command_line_need_no_torch() -> None:
    """An install without the `train` extra: everything but training imports."""
    script = """
import sys
from importlib.abc import MetaPathFinder
class Absent(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.split(".")[0] in ("torch", "transformers", "tokenizers", "safetensors", "numpy", "scipy"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Absent())
import app.main, app.cli, app.worker
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr


def run(folder: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "app.cli", *arguments]
    return subprocess.run(
        command, cwd=ROOT, env=environment(folder, **more), capture_output=True, text=True, timeout=120
    )
