"""Jobs are deferred by name, so that the web never loads their code. Read from the source: every
name deferred is a job the worker declares, given what it takes, on a queue a worker looks at."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

from app import cli, worker
from app.core.jobs import queue
from app.core.run_kinds import KINDS

APP = Path(worker.__file__).parent
OURS = {"lock", "once", "on", "after_s"}


def deferred() -> Iterator[tuple[str, dict[str, ast.expr]]]:
    """The name and the arguments of every call of `defer`."""
    for path in sorted(APP.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "enqueue":
                module = import_module(".".join(path.relative_to(APP.parent).with_suffix("").parts))
                names = constant_value(node.args[1], module)
                assert names, f"{path}: the name must be a text or a constant"
                for name in names:
                    yield name, {keyword.arg or "**": keyword.value for keyword in node.keywords}


def constant_value(what: ast.expr | None, within: ModuleType) -> list[str]:
    """What a text or a constant of the module says, or a text that names the kind of a run; nothing for
    what only a run can tell."""
    if isinstance(what, ast.Constant):
        return [str(what.value)]
    if isinstance(what, ast.JoinedStr) and ast.unparse(what) == "f'runs.{kind.name}'":
        return [f"runs.{name}" for name in KINDS]
    name = getattr(within, what.id, None) if isinstance(what, ast.Name) else None
    return [name] if name else []


def test_every_slice_with_jobs_is_declared() -> None:
    assert set(worker.SLICES) == {path.parent.name for path in APP.glob("*/tasks.py")}


def test_every_job_deferred_is_declared_and_given_what_it_takes() -> None:
    worker.declare()
    names = set()
    for name, arguments in deferred():
        assert name in queue.tasks
        parameters = inspect.signature(queue.tasks[name].func).parameters
        assert arguments.keys() - OURS == parameters.keys(), name
        names.add(name)
    alone = {name for name, task in queue.tasks.items() if task.queueing_lock == name}  # by the clock
    assert {name for name in queue.tasks if "builtin" not in name} == names | alone


def test_the_worker_looks_at_every_queue_named() -> None:
    worker.declare()
    looked_at = set(inspect.signature(cli.worker).parameters["queues"].default.split(","))
    assert looked_at == set(worker.QUEUES)
    named = {
        keywords["on"].value for _, keywords in deferred() if isinstance(keywords.get("on"), ast.Constant)
    }
    named |= {kind.queue for kind in KINDS.values()}
    assert named | {task.queue for task in queue.tasks.values()} <= looked_at | {"builtin"}
