"""PURE: the final part of a model's text. A reasoning model thinks first, between tags; an answer in the
thinking is not the solution's answer."""

from __future__ import annotations

import re

TAG = r"think|thinking|thought|reasoning|reflection|scratchpad"
OPENING = re.compile(
    rf"<(?:{TAG})>|\[THINK\]|<\|begin_of_thought\|>|<\|channel\|>analysis<\|message\|>|◁think▷", re.I
)
CLOSING = re.compile(
    rf"</(?:{TAG})>|\[/THINK\]|<\|end_of_thought\|>|<\|channel\|>final<\|message\|>|◁/think▷", re.I
)


def final_part(text: str) -> str:
    """The text behind the last thinking part. Empty where the thinking never ends."""
    if not any(mark in text for mark in "<[◁"):
        return text
    closings = list(CLOSING.finditer(text))
    rest = text[closings[-1].end() :] if closings else text
    opening = OPENING.search(rest)
    return rest if opening is None else rest[: opening.start()]
