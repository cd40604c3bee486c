"""A whole simulation of the full form: its row, its people, every seed and policy, the summary."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import orjson
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts import users
from app.accounts.models import User
from app.common.atomic_files import atomic_folder, write_json
from app.core import run_lifecycle
from app.core.db import transaction
from app.core.errors import Conflict, DomainError, Invalid
from app.core.startup import ready_database
from app.projects import projects
from app.projects.models import Membership, Project
from app.settings import settings as server
from app.simulation import baselines, recorder, runs
from app.simulation.config import Setting
from app.simulation.datasets import Material, Report, prepare
from app.simulation.end_to_end import world_files
from app.simulation.end_to_end.policy_run import Arm
from app.simulation.end_to_end.scripted_labelers import sign_in
from app.simulation.end_to_end.server import House, opened
from app.simulation.models import Simulation
from app.simulation.policies import POLICIES, get_policy, in_order
from app.simulation.queries import project_name
from app.simulation.request import Asked
from app.simulation.run import folders_of, kept_setting, summed_up

HOME = "Simulations"
"""The project that full simulations are rows of; every policy has one of its own beside it."""
CANNOT = "teacher_solutions"
BOSS = "boss"


def play(asked: Asked, out: Path, labelers: int, report: Report) -> dict[str, Any]:
    """Killed and started again it goes on. The summary, which is also `result.json` with its figures
    beside it, and the row's results."""
    check(asked)
    folders = folders_of(asked.settings(), out)
    for setting, folder in zip(asked.settings(), folders, strict=True):
        kept_setting(setting, folder)
    with ready_database():
        run = begun(asked, out)
        try:
            found = _played(run.id, run.fence, asked, folders, out, labelers, report)
        except recorder.Ended:
            raise Conflict(
                "The simulation was cancelled in the browser.", remedy="Give the command again to go on."
            ) from None
        except BaseException as error:
            with transaction() as db:
                ended(db, run.id, run.fence, error)
            raise
    return found


def check(asked: Asked) -> None:
    """Only what rounds can do."""
    possible = [name for name, policy in POLICIES.items() if policy.mixture]
    if left := [name for name in asked.policies if get_policy(name).mixture is None]:
        raise Invalid(
            f"No round can follow the policy {left[0]!r}.",
            remedy=f"The full form has {', '.join(possible)}; leave --full out for the others.",
        )
    if getattr(asked.setting, CANNOT):
        raise Invalid(
            "Labels by a teacher are for the fast form: here labelers sign in.", remedy=f"Leave {CANNOT} out."
        )
    if asked.setting.further:
        raise Invalid(
            "In the full form all policies have the same budgets.", remedy='Leave "further" out, or --full.'
        )
    if asked.setting.counts[0] != asked.setting.first:
        raise Invalid(
            "In the full form the first budget is the first draw.",
            remedy=f'Set "first" to {asked.setting.counts[0]}, or begin the budgets with it.',
        )


def begun(asked: Asked, out: Path) -> Simulation:
    """The attempt at the run that this folder names on this database, or at a new one."""
    path = out / "simulation.json"
    out.mkdir(parents=True, exist_ok=True)
    previous = orjson.loads(path.read_bytes()) if path.is_file() else {}
    with transaction() as db:
        project = db.scalar(select(Project).where(Project.name == HOME))
        if project is None:
            project = projects.create_project(db, HOME, "first_error", None)
        row = db.get(Simulation, previous.get("id", 0))
        if row is None or row.created_at.isoformat() != previous["created_at"]:
            row = Simulation(project_id=project.id, form="full", **runs.told(asked))
            run_lifecycle.create_run(db, row, enqueue=False)
            db.refresh(row)
        else:
            _reopen(db, row)
        attempt = run_lifecycle.start_attempt(db, row.id, Simulation)
        if attempt is None:
            raise Conflict("The simulation is in other hands.", remedy="Wait a minute, then try again.")
        attempt.policies = list(in_order({*row.policies, *asked.policies}))
        identity: dict[str, Any] = {"id": row.id, "created_at": row.created_at.isoformat()}
    write_json(path, identity)
    return attempt


def _reopen(db: Session, row: Simulation) -> None:
    """Queued again, whether the command before ended or was killed."""
    if row.state == "running":
        run_lifecycle.record_failure(db, row.id, row.fence, "The command was killed.")
    if row.state in run_lifecycle.FINISHED:
        attempts = row.attempt
        run_lifecycle.resume_run(db, row, None, enqueue=False)
        row.attempt = attempts


def ended(db: Session, run_id: int, fence: int, error: BaseException) -> None:
    """What the page says of it until the command is given again."""
    row = run_lifecycle.lock_attempt(db, run_id, fence, Simulation)
    if row is None:
        return
    if isinstance(error, Exception):
        reason = f"{error.message} {error.remedy}" if isinstance(error, DomainError) else repr(error)[:2000]
        run_lifecycle.record_failure(db, run_id, fence, reason.strip(), final=True)
    else:
        run_lifecycle.cancel_run(db, row, None).error = "The command was ended."


def _played(
    run_id: int, fence: int, asked: Asked, folders: Sequence[Path], out: Path, labelers: int, report: Report
) -> dict[str, Any]:
    tell = recorder.Keeper(run_id, fence, recorder.total(asked.settings(), asked.policies))

    def both(said: dict[str, Any]) -> None:
        report(said)
        tell(said)

    for setting, folder in zip(asked.settings(), folders, strict=True):
        tell.go_on(setting.seed, folder)
        material = prepare(setting, folder, both)
        baselines.made(setting, material, folder, both)
        world_files.made(setting, material, folder)
    if not finished(asked, folders):
        with opened(both) as house, hired(house, run_id, labelers) as staff:
            for setting, folder in zip(asked.settings(), folders, strict=True):
                tell.go_on(setting.seed, folder)
                material = prepare(setting, folder, both)
                base = at_home(material, run_id, setting)
                for policy in asked.policies:
                    arm_of(house, run_id, staff, setting, policy, material, base, folder).play()
    found = summed_up(folders, asked.policies, out)
    with transaction() as db:
        for setting, folder in zip(asked.settings(), folders, strict=True):
            recorder.keep(db, run_id, setting.seed, folder)
        run_lifecycle.record_success(db, run_id, fence, {"plain": found})
    return found


def finished(asked: Asked, folders: Sequence[Path]) -> bool:
    return all(
        (folder / "arms" / policy / f"{budget}.json").is_file()
        for folder in folders
        for policy in asked.policies
        for budget in asked.setting.counts
    )


@dataclass
class Staff:
    """Who works in the projects: an admin of them all, and labelers; signed in."""

    ids: dict[str, int]
    boss: httpx.Client
    crew: list[httpx.Client]


@contextmanager
def hired(house: House, run_id: int, labelers: int) -> Iterator[Staff]:
    """Accounts of this simulation's own, with passwords that nobody is told."""
    names = {BOSS: "researcher", **{f"labeler-{n + 1}": f"labeler {n + 1}" for n in range(labelers)}}
    ids, pages = {}, []
    with ExitStack() as open_pages:
        for name, words in names.items():
            email, password = f"{name}@simulation-{run_id}.example", users.new_password()
            with transaction() as db:
                found = users.upsert_user(db, email, password, name=f"Simulated {words} ({run_id})")
                ids[name] = found.id
            pages.append(sign_in(open_pages.enter_context(house.page()), email, password))
        yield Staff(ids, pages[0], pages[1:])


def arm_of(
    house: House,
    run_id: int,
    staff: Staff,
    setting: Setting,
    policy: str,
    material: Material,
    base: Path,
    folder: Path,
) -> Arm:
    with transaction() as db:
        project = project_of(db, run_id, setting, policy, staff)
        number, slug = project.id, project.slug
    crew = staff.crew
    return Arm(house, number, slug, staff.boss, crew, setting, policy, material, base, folder)


def project_of(db: Session, run_id: int, setting: Setting, policy: str, staff: Staff) -> Project:
    name = project_name(run_id, policy, setting.seed)
    found = db.scalar(select(Project).where(Project.name == name))
    if found is None:
        boss = db.get_one(User, staff.ids[BOSS])
        found = projects.create_project(db, name, "first_error", boss)
    for who, number in staff.ids.items():
        if db.get(Membership, (found.id, number)) is None:
            role = "admin" if who == BOSS else "labeler"
            db.add(Membership(project_id=found.id, user_id=number, role=role))
    return found


def at_home(material: Material, run_id: int, setting: Setting) -> Path:
    """The writer where this server keeps models, so that a round may start from it."""
    target = server().models_dir / f"simulation-{run_id}-seed-{setting.seed}"
    if not target.is_dir():
        with atomic_folder(target) as draft:
            shutil.copytree(material.base, draft, dirs_exist_ok=True)
    return target
