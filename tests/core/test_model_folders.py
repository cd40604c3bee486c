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
