"""Import external models: `python -m app.prm.import_model FOLDER TARGET` checks a folder and writes it to
TARGET as a published model. It prints one line: JSON about the model (exit code 0), or the reason why not
(2).

Supported are folders that Stepmark published, and token classifiers (AutoModelForTokenClassification) over
a causal body with two or three labels at the end of each step, as TRL's PRMTrainer writes them. Two labels
mean negative and positive; three mean negative, neutral and positive, in this order unless their names say
otherwise. As with every checkpoint: safetensors only, and no code from the folder."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor, nn
from transformers import AutoModelForTokenClassification

from app.prm import checkpoint
from app.prm.checkpoint_safety import BadCheckpoint, open_model_folder, validate_folder
from app.prm.config import TrainConfig
from app.prm.inspect_base import load_config
from app.prm.model import ProcessRewardModel, is_finite

CLASSES = (
    {"negative", "bad", "wrong", "incorrect", "false", "-1", "-", "error"},
    {"neutral", "okay", "0", "ok"},
    {"positive", "great", "good", "right", "correct", "true", "1", "+1", "+"},
)
NEVER = -1e4
"""The logit of a class that the imported model lacks."""
CANARY = 12


def import_folder(folder: Path, target: Path) -> dict[str, Any]:
    """{"kind", "config", "weights_hash"}. Raises BadCheckpoint with the reason."""
    validate_folder(folder)
    if (folder / checkpoint.CARD).is_file():
        loaded = checkpoint.load(folder)
        model, tokenizer, config, kind = loaded.model, loaded.tokenizer, loaded.config, loaded.card["kind"]
    else:
        model, config = load_token_classifier(folder)
        tokenizer, kind = checkpoint.load_tokenizer(str(folder), None), "prm"
        if len(tokenizer) > model.body.config.vocab_size:
            raise BadCheckpoint("the tokenizer has more tokens than the model")
    card = {"config": config.to_json(), "kind": kind, "imported_from": folder.name}
    checkpoint.save(target, model, tokenizer, card)
    return {
        "kind": kind,
        "config": config.to_json(),
        "weights_hash": checkpoint.compute_weights_hash(target).hex(),
    }


def load_token_classifier(folder: Path) -> tuple[ProcessRewardModel, TrainConfig]:
    """The body of a token classifier, and its head with our classes. Raises BadCheckpoint for any other
    model."""
    try:
        config = load_config(folder)
        if not any(name.endswith("ForTokenClassification") for name in config.architectures or []):
            named = ", ".join(config.architectures or ["no architecture"])
            raise BadCheckpoint(
                f"config.json names {named}; supported are Stepmark's own folders and token classifiers "
                "(...ForTokenClassification)"
            )
        with open_model_folder(folder) as view:
            classifier, info = AutoModelForTokenClassification.from_pretrained(
                view,
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
    order = class_order(classifier.config.id2label)
    head = _find_head(classifier, len(order))
    model = ProcessRewardModel(classifier.base_model)
    with torch.no_grad():
        model.head.weight.zero_()
        model.head.bias.fill_(NEVER)
        for row, place in enumerate(order):
            model.head.weight[place] = head.weight[row]
            model.head.bias[place] = 0.0 if head.bias is None else head.bias[row]
    if not all(is_finite(tensor) for tensor in model.state_dict().values()):
        raise BadCheckpoint("the weights contain values that are not finite")
    validate_causal(classifier.eval())
    most = int(getattr(config, "max_position_embeddings", 0) or getattr(config, "n_positions", 0) or 1024)
    return model.eval(), TrainConfig.parse({"max_length": min(max(most, 16), 131_072)})


def class_order(id2label: dict[Any, str]) -> list[int]:
    """The class of each of the folder's labels, in order: 0 negative, 1 neutral, 2 positive. Raises
    BadCheckpoint for another number of labels, or for names that are not understood."""
    names = [str(id2label[key]).strip().casefold() for key in sorted(id2label, key=int)]
    if len(names) not in (2, 3):
        raise BadCheckpoint(f"it has {len(names)} labels; two (negative, positive) or three are supported")
    default = [0, 2] if len(names) == 2 else [0, 1, 2]
    if all(name == f"label_{place}" for place, name in enumerate(names)):
        return default
    classes = [next((i for i, aliases in enumerate(CLASSES) if name in aliases), None) for name in names]
    if len(names) == 2 and names in (["0", "1"], ["1", "0"]):
        classes = [0 if name == "0" else 2 for name in names]
    order = [index for index in classes if index is not None]
    if sorted(order) != default:
        raise BadCheckpoint(
            f"its labels are named {', '.join(names)}; name them negative, (neutral,) positive in config.json"
        )
    return order


def _find_head(classifier: Any, labels: int) -> nn.Linear:
    for name in ("score", "classifier"):
        head = getattr(classifier, name, None)
        if isinstance(head, nn.Linear) and head.out_features == labels:
            return head
    raise BadCheckpoint("it has no linear head over its labels")


def validate_causal(classifier: Any) -> None:
    """A step's score must not depend on later tokens: changing the last token must leave every earlier state
    unchanged. Raises BadCheckpoint for a model that reads ahead."""
    size = int(classifier.config.vocab_size)
    ids = torch.arange(CANARY)[None, :] % size
    other = ids.clone()
    other[0, -1] = (other[0, -1] + 1) % size
    with torch.no_grad():
        before, after = (_hidden_states(classifier, tokens)[:, :-1] for tokens in (ids, other))
    if not torch.allclose(before, after, atol=1e-4):
        raise BadCheckpoint("its body reads ahead; it is not a causal language model")


def _hidden_states(classifier: Any, ids: Tensor) -> Tensor:
    states: Tensor = classifier.base_model(input_ids=ids).last_hidden_state
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
