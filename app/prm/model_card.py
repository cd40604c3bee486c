"""README.md of a published model: the Hub's model card, with what the labels were, how good the model is, and
how to read it with plain transformers. The Python in it is what an export is verified with."""

from __future__ import annotations

import json
from typing import Any

from app.prm.objectives import Objective

LOAD = """import torch
from transformers import {auto_class}, {tokenizer}

tokenizer = {tokenizer}.from_pretrained(folder)
model = {auto_class}.from_pretrained(folder, dtype=torch.float32).eval()
"""
LOAD_ADAPTER = """import torch
from peft import PeftModel
from transformers import {auto_class}, {tokenizer}

tokenizer = {tokenizer}.from_pretrained(base)
body = {auto_class}.from_pretrained(base, num_labels={labels}, dtype=torch.float32)
model = PeftModel.from_pretrained(body, folder).eval()
"""
READ_IDS = '''

def score_ids(ids, ends):
    """The probability of each label at the tokens `ends`, the last ones of the steps."""
    with torch.no_grad():
        logits = model(input_ids=torch.tensor([ids])).logits[0]
    return {probabilities}
'''
READ_TEXT = '''

def encode(text):
    return tokenizer.encode(text, add_special_tokens=False, split_special_tokens=True)


def score(problem, steps):
    """The probability of each label after each step; of an outcome model, after the last."""
    ids, ends = {start}encode(problem){after_problem}, []
    for step in steps:
        ids += encode(step) + encode({separator!r})
        ends.append(len(ids) - 1)
    return score_ids(ids, ends)
'''


def render_reader(
    objective: Objective, tokenizer: Any, text: dict[str, Any], *, adapter: bool = False
) -> str:
    """Python that defines `score_ids(ids, ends)` for the model in `folder`, and `score(problem, steps)` if
    the model reads lines. With `adapter`, the folder holds an adapter for the base in `base`."""
    prm = objective.kind == "prm"
    outcome = "logits.clamp(0, 1)" if objective.has_language_loss else "logits.sigmoid()"
    lines = text["layout"] == "lines"
    after_problem = lines and text["separator_after_problem"]
    values = {
        "auto_class": "AutoModelForTokenClassification" if prm else "AutoModelForSequenceClassification",
        "tokenizer": "PreTrainedTokenizerFast" if _is_plain(tokenizer) else "AutoTokenizer",
        "labels": 3 if objective.outputs == 3 else 2,
        "probabilities": "logits[ends].softmax(-1).tolist()" if prm else f"[{outcome}.tolist()]",
        "separator": text.get("separator"),
        "start": "" if tokenizer.bos_token_id is None else "[tokenizer.bos_token_id] + ",
        "after_problem": f" + encode({text['separator']!r})" if after_problem else "",
    }
    parts = (LOAD_ADAPTER if adapter else LOAD) + READ_IDS + (READ_TEXT if lines else "")
    return parts.format(**values)


def _is_plain(tokenizer: Any) -> bool:
    return type(tokenizer).__name__ in ("TokenizersBackend", "PreTrainedTokenizerFast")


def render_model_card(card: dict[str, Any], reader: str | None) -> str:
    """README.md from the fields of stepmark.json."""
    return "\n".join([*_front_matter(card), *_body(card), *_reading(card, reader), ""])


def _front_matter(card: dict[str, Any]) -> list[str]:
    base = (card.get("config") or {}).get("base")
    tag = "process-reward-model" if card.get("kind") == "prm" else "outcome-reward-model"
    pipeline = "token-classification" if card.get("kind") == "prm" else "text-classification"
    lines = ["---", "library_name: transformers", f"pipeline_tag: {pipeline}"]
    if card.get("base_license"):
        lines.append(f"license: {card['base_license']}")
    if base:
        lines.append(f"base_model: {json.dumps(card.get('base_name') or base)}")
    return [*lines, "tags:", f"- {tag}", "- stepmark", "---", ""]


def _body(card: dict[str, Any]) -> list[str]:
    what = (
        "A process reward model: it predicts after each step of a solution whether the step is correct."
        if card.get("kind") == "prm"
        else "An outcome reward model: it predicts whether the final answer of a solution is correct."
    )
    rows = [f"- Objective: `{card['config']['objective']}`"] if card.get("config") else []
    for name, label in (("snapshot", "Snapshot of labels"), ("code", "Stepmark"), ("imported_from", "From")):
        if card.get(name):
            rows.append(f"- {label}: `{card[name]}`")
    for name, value in (card.get("labels") or {}).items():
        rows.append(f"- Labels, {name.replace('_', ' ')}: {json.dumps(value)}")
    best = ((card.get("metrics") or {}).get("best")) or {}
    rows += [
        f"- Held-out {name.replace('_', ' ')}: {value:.4g}"
        for name, value in best.items()
        if isinstance(value, float)
    ]
    return ["# Reward model", "", what, "", *rows, ""]


def _reading(card: dict[str, Any], reader: str | None) -> list[str]:
    text = json.dumps(card.get("text"), ensure_ascii=False)
    if reader is None:
        return ["## Reading it", "", f"The model has a head of its own and the text format `{text}`."]
    lines = ["## Reading it", "", "With `folder` the path of this folder:", "", "```python"]
    lines += [reader.rstrip(), "```"]
    if (card.get("text") or {}).get("layout") != "lines":
        lines += ["", f"The model keeps the text format of its authors: `{text}`."]
    return lines
