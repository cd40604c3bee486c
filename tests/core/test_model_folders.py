"""A folder named over the web stays within what the operator named."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.core import model_paths
from app.core.errors import Invalid
from tests.conftest import forget


def test_only_folders_the_operator_named(home: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    ours, elsewhere = home / "models" / "prm", tmp_path_factory.mktemp("elsewhere")
    ours.mkdir(parents=True)
    (home / "models" / "leads-out").symlink_to(elsewhere)
    (home / "models" / "file").touch()
    assert model_paths.resolve_model_path(str(ours)) == ours.resolve()
    outside = ("/etc", str(elsewhere), str(home / "models" / "leads-out"), str(ours / ".." / ".." / ".."))
    for name in (*outside, str(home / "models" / "file"), str(ours / "gone"), "", "a\0b", "x" * 5000):
        with pytest.raises(Invalid, match="where this server keeps models"):
            model_paths.resolve_model_path(name)
    with pytest.raises(Invalid) as wrong:
        model_paths.resolve_model_path("/etc", or_else="ask for another")
    assert wrong.value.remedy.endswith("STEPMARK_MODEL_ROOTS; ask for another.")


def test_more_roots(
    home: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = tmp_path_factory.mktemp("one"), tmp_path_factory.mktemp("two")
    monkeypatch.setenv("STEPMARK_MODEL_ROOTS", f"{first}:{second}")
    forget()
    assert model_paths.resolve_model_path(str(second)) == second.resolve()
    with pytest.raises(Invalid):
        model_paths.resolve_model_path(str(second.parent))


def test_a_project_cannot_name_the_models_of_another(home: Path) -> None:
    """Published models lie in a folder with the number of their project, which is easy to guess."""
    models = home / "models"
    for name in ("1/run-1-1", "12/run-7-1", "shared", "elsewhere-0123456789ab", "simulation-3-seed-0"):
        (models / name).mkdir(parents=True)
    (models / "way-in").symlink_to(models / "12")
    own = models / "1" / "run-1-1"
    assert model_paths.resolve_model_path(str(own), 1) == own.resolve()
    assert model_paths.resolve_model_path(str(models / "shared"), 1)
    other = ("12/run-7-1", "12", "1", ".", "way-in/run-7-1", "elsewhere-0123456789ab", "simulation-3-seed-0")
    for name in other:
        with pytest.raises(Invalid, match="where this server keeps models"):
            model_paths.resolve_model_path(str(models / name), 1)
    with pytest.raises(Invalid):
        model_paths.resolve_model_path(str(own))
