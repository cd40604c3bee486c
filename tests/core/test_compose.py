"""docker-compose.yml and Dockerfile name only what exists; no engine is asked."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from app.cli import cli
from app.generators.url_policy import KEY_NAME
from app.settings import Settings

ROOT = Path(__file__).parent.parent.parent
DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
OURS = {name: service for name, service in COMPOSE["services"].items() if "build" in service}
ALIASES = {str(field.validation_alias) for field in Settings.model_fields.values()}


def test_the_services_and_their_profiles() -> None:
    profiles = {name: service.get("profiles", []) for name, service in COMPOSE["services"].items()}
    assert profiles == {
        "database": [],
        "web": [],
        "worker": [],
        "worker-gpu": ["gpu"],
        "sampler": ["sampling"],
    }


@pytest.mark.parametrize("name", OURS)
def test_a_service_of_ours_runs_a_command_there_is(name: str) -> None:
    program, command, *options = OURS[name]["command"]
    assert program == "stepmark"
    service_command = get_command(cli).commands[command]  # type: ignore[attr-defined]
    options_of_command = {
        option_name
        for option in service_command.params
        for option_name in (*option.opts, *option.secondary_opts)
    }
    assert set(options) <= options_of_command
    assert f"AS {OURS[name]['build']['target']}\n" in DOCKERFILE


@pytest.mark.parametrize("name", OURS)
def test_a_service_of_ours_is_told_only_settings_there_are(name: str) -> None:
    keys = {variable for variable in OURS[name]["environment"] if KEY_NAME.fullmatch(variable)}
    assert keys, "a generator's key can be given"
    assert set(OURS[name]["environment"]) - keys <= ALIASES
    assert OURS[name]["depends_on"] == {"database": {"condition": "service_healthy"}}


def test_projects_may_sample_from_the_server_beside_them() -> None:
    hosts = OURS["web"]["environment"]["STEPMARK_GENERATOR_HOSTS"]
    assert hosts == "${STEPMARK_GENERATOR_HOSTS:-sampler:8000}"
    assert COMPOSE["services"]["sampler"]["ports"][0].endswith(":8000")


def test_the_volumes_named_are_declared() -> None:
    used = {volume.split(":")[0] for service in COMPOSE["services"].values() for volume in service["volumes"]}
    assert used == set(COMPOSE["volumes"])


def test_what_is_copied_exists_and_is_not_ignored() -> None:
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] == "!"}
    for line in re.findall(r"^COPY (.+)$", DOCKERFILE, re.MULTILINE):
        *sources, _ = line.split()
        for source in sources:
            assert (ROOT / source).exists(), source
            assert source in allowed, source


def test_images_set_only_settings_there_are() -> None:
    named = set(re.findall(r"\b(STEPMARK_\w+)=", DOCKERFILE))
    assert named
    assert named <= ALIASES


def test_the_compose_client_reads_it() -> None:
    """Where the client is installed, it reads the file itself (that needs no engine)."""
    if (
        shutil.which("docker") is None
        or subprocess.run(["docker", "compose", "version"], capture_output=True).returncode
    ):
        return  # the tests above have said what can be said without it
    done = subprocess.run(
        ["docker", "compose", "--profile", "*", "config", "--quiet"],
        cwd=ROOT,
        env={"PATH": "/usr/local/bin:/usr/bin:/bin", "POSTGRES_PASSWORD": "x", "HOME": "/"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
