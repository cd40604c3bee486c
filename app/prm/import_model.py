"""Models made elsewhere: `python -m app.prm.import_model FOLDER TARGET` checks a folder and writes it
to TARGET as a published model. It prints one line: JSON of what it is (exit 0), or why not (2).

Read are folders that Stepmark published, and token classifiers (AutoModelForTokenClassification)
over a causal body with two or three labels at the end of each step: TRL's PRMTrainer writes such.
Two labels are wrong and right; three are negative, neutral, positive, in that order unless their
names say otherwise. As with every checkpoint: safetensors only, and no code from the folder."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor, nn
from transformers import AutoConfig, AutoModelForTokenClassification

from app.prm import checkpoint
from app.prm.checkpoint_safety import BadCheckpoint, validate_folder
from app.prm.config import TrainConfig
from app.prm.model import ProcessRewardModel

CLASSES = (
    {"negative", "bad", "wrong", "incorrect", "false", "-1", "-", "error"},
    {"neutral", "okay", "0", "ok"},
    {"positive", "great", "good", "right", "correct", "true", "1", "+1", "+"},
)
NEVER = -1e4
"""The logit of a class that the folder's model does not have."""
CANARY = 12


def import_folder(folder: Path, target: Path) -> dict[str, Any]:
    """{"kind", "config", "weights_hash"}. BadCheckpoint says why the folder is not read."""
    validate_folder(folder)
    if (folder / checkpoint.CARD).is_file():
        loaded = checkpoint.load(folder)
        model, tokenizer, config, kind = loaded.model, loaded.tokenizer, loaded.config, loaded.card["kind"]
    else:
        model, config = load_token_classifier(folder)
        tokenizer, kind = checkpoint.load_tokenizer(str(folder), None), "prm"
        if len(tokenizer) > model.body.config.vocab_size:
            raise BadCheckpoint("the tokenizer knows more tokens than the model")
    card = {"config": config.as_json(), "kind": kind, "made_elsewhere": folder.name}
    checkpoint.save(target, model, tokenizer, card)
    return {
        "kind": kind,
        "config": config.as_json(),
        "weights_hash": checkpoint.compute_weights_hash(target).hex(),
    }


def load_token_classifier(folder: Path) -> tuple[ProcessRewardModel, TrainConfig]:
    """A token classifier's body with its head as ours. BadCheckpoint for any other model."""
    try:
        said = AutoConfig.from_pretrained(folder, trust_remote_code=False)
        if not any(name.endswith("ForTokenClassification") for name in said.architectures or []):
            named = ", ".join(said.architectures or ["no architecture"])
            raise BadCheckpoint(
                f"config.json names {named}; read are Stepmark's own folders and token classifiers "
                "(...ForTokenClassification)"
            )
        made, info = AutoModelForTokenClassification.from_pretrained(
            folder,
            trust_remote_code=False,
            use_safetensors=True,
            dtype=torch.float32,
            attn_implementation="sdpa",
            output_loading_info=True,
        )
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        if isinstance(error, BadCheckpoint):
            raise
        raise BadCheckpoint(f"could not load {folder.name}: {error}") from error
    if info["missing_keys"]:
        raise BadCheckpoint(f"weights are missing: {', '.join(sorted(info['missing_keys'])[:4])}")
    order = class_order(made.config.id2label)
    head = _head(made, len(order))
    model = ProcessRewardModel(made.base_model)
    with torch.no_grad():
        model.head.weight.zero_()
        model.head.bias.fill_(NEVER)
        for row, place in enumerate(order):
            model.head.weight[place] = head.weight[row]
            model.head.bias[place] = 0.0 if head.bias is None else head.bias[row]
    if not all(bool(torch.isfinite(tensor).all()) for tensor in model.state_dict().values()):
        raise BadCheckpoint("the weights hold values that are not finite numbers")
    validate_causal(made.eval())
    most = int(getattr(said, "max_position_embeddings", 0) or getattr(said, "n_positions", 0) or 1024)
    return model.eval(), TrainConfig.parse({"max_length": min(max(most, 16), 131_072)})


def class_order(id2label: dict[Any, str]) -> list[int]:
    """For each of the folder's labels in order, which of ours it is: 0 negative, 1 neutral, 2
    positive. BadCheckpoint for another number of labels, or names that contradict each other."""
    names = [str(id2label[key]).strip().casefold() for key in sorted(id2label, key=int)]
    if len(names) not in (2, 3):
        raise BadCheckpoint(f"it has {len(names)} labels; two (wrong, right) or three are understood")
    plain = [0, 2] if len(names) == 2 else [0, 1, 2]
    if all(name == f"label_{place}" for place, name in enumerate(names)):
        return plain
    found = [next((place for place, known in enumerate(CLASSES) if name in known), None) for name in names]
    if len(names) == 2 and names in (["0", "1"], ["1", "0"]):
        found = [0 if name == "0" else 2 for name in names]
    kept = [place for place in found if place is not None]
    if sorted(kept) != plain:
        raise BadCheckpoint(
            f"its labels are named {', '.join(names)}: say negative, (neutral,) positive in config.json"
        )
    return kept


def _head(made: Any, labels: int) -> nn.Linear:
    for name in ("score", "classifier"):
        found = getattr(made, name, None)
        if isinstance(found, nn.Linear) and found.out_features == labels:
            return found
    raise BadCheckpoint("it has no linear head over its labels")


def validate_causal(made: Any) -> None:
    """What a step is said to be may not depend on what comes after it: changing the last token
    must leave every earlier state as it was. BadCheckpoint for a model that looks ahead."""
    size = int(made.config.vocab_size)
    ids = torch.arange(CANARY)[None, :] % size
    other = ids.clone()
    other[0, -1] = (other[0, -1] + 1) % size
    with torch.no_grad():
        one, two = (_states(made, each)[:, :-1] for each in (ids, other))
    if not torch.allclose(one, two, atol=1e-4):
        raise BadCheckpoint("its body reads ahead: it is no causal language model")


def _states(made: Any, ids: Tensor) -> Tensor:
    found: Tensor = made.base_model(input_ids=ids).last_hidden_state
    return found


def main(folder: str, target: str) -> int:
    try:
        print(json.dumps(import_folder(Path(folder), Path(target))))
    except BadCheckpoint as error:
        print(" ".join(str(error).split()))
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
