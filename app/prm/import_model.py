"""Import external models: `python -m app.prm.import_model FOLDER TARGET` checks a folder and writes it to
TARGET as a model of Stepmark. It prints one line: JSON about the model (exit code 0), or the reason why not
(2).

Supported are folders that Stepmark published and the layouts of public_prms.py. As with every checkpoint,
only safetensors, configuration and tokenizer files are read, and no code runs."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from app.prm import checkpoint
from app.prm.checkpoint_safety import BadCheckpoint, list_files, validate_folder
from app.prm.config import TrainConfig
from app.prm.encoding import Encoder
from app.prm.model import is_finite
from app.prm.public_prms import read_public_model

CANARY = 12
PROBE = ("What is 1 + 1?", ["1 + 1 = 2", "So 2."])
CONTEXT = 1_024
"""Longest input of a model whose configuration names none."""


def import_folder(folder: Path, target: Path) -> dict[str, Any]:
    """{"kind", "config", "weights_hash"}. Raises BadCheckpoint with the reason."""
    validate_folder(folder)
    if checkpoint.CARD in list_files(folder):
        loaded = checkpoint.load(folder)
        model, tokenizer, text_format = loaded.model, loaded.tokenizer, loaded.text_format
        config, kind = loaded.config, loaded.card["kind"]
    else:
        imported = read_public_model(folder)
        model, tokenizer, text_format = imported.model.eval(), imported.tokenizer, imported.text_format
        config, kind = _describe_config(model), model.objective.kind
        _validate(model, tokenizer, config, text_format)
    card = {"config": config.to_json(), "kind": kind, "imported_from": folder.name}
    checkpoint.save(target, model, tokenizer, card, text_format)
    return {
        "kind": kind,
        "config": config.to_json(),
        "weights_hash": checkpoint.compute_weights_hash(target).hex(),
    }


def _describe_config(model: Any) -> TrainConfig:
    config = model.body.config
    names = ("max_position_embeddings", "n_positions")
    context = next((value for name in names if (value := getattr(config, name, None))), CONTEXT)
    return TrainConfig.parse(
        {"max_length": min(max(int(context), 16), 131_072), "objective": model.objective.id}
    )


def _validate(model: Any, tokenizer: Any, config: TrainConfig, text_format: Any) -> None:
    """Raises BadCheckpoint for a model that cannot score."""
    if len(tokenizer) > model.body.config.vocab_size:
        raise BadCheckpoint("the tokenizer has more tokens than the model")
    if not all(is_finite(tensor) for tensor in model.state_dict().values()):
        raise BadCheckpoint("the weights contain values that are not finite")
    validate_causal(model.body)
    try:
        row = Encoder(tokenizer, config.max_length, text_format).encode(*PROBE)
    except (ValueError, StopIteration) as error:
        raise BadCheckpoint(f"its tokenizer does not fit its text format: {error}") from error
    if len(row.ends) != len(PROBE[1]):
        raise BadCheckpoint("its text format marks another number of steps than there are")


def validate_causal(body: Any) -> None:
    """A step's score must not depend on later tokens: changing the last token must leave every earlier state
    unchanged. Raises BadCheckpoint for a model that reads ahead."""
    size = int(body.config.vocab_size)
    ids = torch.arange(CANARY)[None, :] % size
    other = ids.clone()
    other[0, -1] = (other[0, -1] + 1) % size
    with torch.no_grad():
        before, after = (_hidden_states(body, tokens)[:, :-1] for tokens in (ids, other))
    if not torch.allclose(before, after, atol=1e-4):
        raise BadCheckpoint("its body reads ahead; it is not a causal language model")


def _hidden_states(body: Any, ids: Tensor) -> Tensor:
    states: Tensor = body(input_ids=ids).last_hidden_state
    return states


def main(folder: str, target: str) -> int:
    try:
        print(json.dumps(import_folder(Path(folder), Path(target))))
    except BadCheckpoint as error:
        print(" ".join(str(error).split()))
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
