"""A language model taught to copy: what it learns, from what, and what comes out."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM

from app.common.config import ConfigError
from app.prm.checkpoint_safety import BadCheckpoint
from app.prm.finetune_lm import IGNORED, FinetuneConfig, _padded, encode_pair, finetune
from tests.prm.tiny_models import PAIRS, save_language_model

CONFIG = FinetuneConfig(
    epochs=60,
    learning_rate=8e-3,
    batch_size=8,
    micro_batch_size=3,
    max_length=64,
    device="cpu",
    threads=1,
    seed=1,
)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_language_model(tmp_path_factory.mktemp("base") / "tiny", PAIRS)


def test_it_learns_to_write_and_to_end(base: Path, tmp_path: Path) -> None:
    from app.prm.checkpoint import load_tokenizer

    heard: list[dict] = []
    done = finetune(CONFIG, base, PAIRS, tmp_path / "made", heard.append)
    assert (done.steps, done.rows, done.left_out) == (120, 16, 0)
    assert done.losses[0] > 3
    assert done.losses[-1] < 0.2
    assert [report["step"] for report in heard] == list(range(1, 121))
    tokenizer = load_tokenizer(str(tmp_path / "made"), None)
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "made", use_safetensors=True).eval()
    right = 0
    for prompt, completion in PAIRS:
        prompt_tokens = tokenizer(prompt, return_tensors="pt")
        out = model.generate(**prompt_tokens, max_new_tokens=20, do_sample=False)[
            0, prompt_tokens["input_ids"].shape[1] :
        ]
        right += out[-1] == tokenizer.eos_token_id and tokenizer.decode(out[:-1]) == completion
    assert right >= 14


def test_micro_batches_change_nothing(base: Path, tmp_path: Path) -> None:
    folders = []
    for at_once in (1, 5, 8):
        config = FinetuneConfig.parse({**CONFIG.to_json(), "epochs": 1.0, "micro_batch_size": at_once})
        done = finetune(config, base, PAIRS, tmp_path / str(at_once))
        weights = AutoModelForCausalLM.from_pretrained(tmp_path / str(at_once)).lm_head.weight.detach()
        folders.append((done.losses, weights))
    for losses, weights in folders[1:]:
        assert losses == pytest.approx(folders[0][0], rel=1e-4)
        assert torch.allclose(weights, folders[0][1], atol=1e-4)


def test_only_what_is_written_is_learned(base: Path) -> None:
    """Ids a b | c d end: the targets are c, d and the end, each at the place before it."""
    ids, mask, targets = _padded([([5, 6, 7, 8, 2], 2), ([5, 9, 2], 1)], 0, torch.device("cpu"))
    assert ids.tolist() == [[5, 6, 7, 8, 2], [5, 9, 2, 0, 0]]
    assert mask.tolist() == [[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]]
    assert targets.tolist() == [[IGNORED, 7, 8, 2], [9, 2, IGNORED, IGNORED]]
    from app.prm.checkpoint import load_tokenizer

    tokenizer = load_tokenizer(str(base), None)
    pair, start = encode_pair(tokenizer, "Say red:\n", "red")
    assert tokenizer.decode(pair[:start]) == "Say red:\n"
    assert tokenizer.decode(pair[start:-1]) == "red"
    assert pair[-1] == tokenizer.eos_token_id


def test_what_is_too_long_is_counted_and_what_cannot_be_is_said(base: Path, tmp_path: Path) -> None:
    config = FinetuneConfig.parse({**CONFIG.to_json(), "epochs": 0.1})
    long = ("Say " + "red " * 200, "red")
    assert finetune(config, base, [*PAIRS, long], tmp_path / "made").left_out == 1
    with pytest.raises(ValueError, match="at most 64 tokens"):
        finetune(config, base, [long], tmp_path / "none")
    assert not (tmp_path / "none").exists()
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "pytorch_model.bin").write_bytes(b"x")
    with pytest.raises(BadCheckpoint):
        finetune(config, tmp_path / "bad", PAIRS, tmp_path / "none")
    for wrong in ({"epochs": 0}, {"batch_size": 0}, {"device": "tpu"}, {"colour": 1}):
        with pytest.raises(ConfigError):
            FinetuneConfig.parse(wrong)
