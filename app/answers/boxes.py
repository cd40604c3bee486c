"""PURE: boxed answers (`\\boxed{}`, Hendrycks et al. 2021), their braces balanced, in linear time."""

from __future__ import annotations

import re
from dataclasses import dataclass

OPENING = re.compile(r"\\(?:boxed|fbox|framebox)\b\s{0,20}(?:\{|(?=[^\s{]))")
BRACE = re.compile(r"\\.|[{}]", re.S)
LONGEST_GAP = 80
JOINER = re.compile(r",|;|&|、|，|\b(?:and|or|y|et|und)\b|和|或|及")
NAME = re.compile(r"\\?[A-Za-z]\w{0,5}(?:_\{?\w{1,5}\}?)?\s{0,3}(?:=|:)[\s$(\\]{0,6}$")
REVISION = re.compile(
    r"=|≈|→|\\(?:to|approx|Rightarrow|rightarrow|implies|equiv)\b|[.!?。](?:\s|$)|\n\s*\n"
    r"|\b(?:so|thus|hence|therefore|wait|no|not|but|instead|actually|simplif\w*|reduc\w*|is|are|gives|becomes"
    r"|equals|i\.e|that|which|rather|correct\w*|check\w*|verif\w*)\b",
    re.I,
)
BARE_GAP = re.compile(r"[\s$\\()\[\],;&.]*$")


@dataclass(frozen=True)
class Box:
    start: int
    end: int
    """Behind the closing brace; the end of the text where no brace closes the box."""
    content: str | None
    """None where no brace closes the box."""


def list_boxes(text: str) -> list[Box]:
    """The outermost boxes in order. One pass over the braces, so a text of n characters takes O(n)."""
    boxes: list[Box] = []
    behind = 0
    openings = list(OPENING.finditer(text))
    closings = _closings(text) if openings else {}
    for opening in openings:
        if opening.start() < behind:
            continue
        at = opening.end()
        if text[at - 1] != "{":
            box = Box(opening.start(), at + 1, text[at : at + 1].strip())
        else:
            closing = closings.get(at - 1)
            end = len(text) if closing is None else closing + 1
            box = Box(opening.start(), end, None if closing is None else text[at:closing].strip())
        boxes.append(box)
        behind = box.end
    return boxes


def _closings(text: str) -> dict[int, int]:
    """Position of each opening brace -> position of the brace that closes it."""
    pairs: dict[int, int] = {}
    stack: list[int] = []
    for brace in BRACE.finditer(text):
        if brace[0] == "{":
            stack.append(brace.start())
        elif brace[0] == "}" and stack:
            pairs[stack.pop()] = brace.start()
    return pairs


def join_last_boxes(text: str, boxes: list[Box]) -> str | None:
    """The content of the last box, or of the last boxes where one sentence names several parts:
    `\\boxed{2} and \\boxed{3}`. None where the last box is cut off. Empty boxes do not count."""
    if boxes and boxes[-1].content is None:
        return None
    filled = [box for box in boxes if box.content]
    if not filled:
        return None
    parts = [filled[-1]]
    for box in reversed(filled[:-1]):
        if not _is_joint(text[box.end : parts[0].start]):
            break
        parts.insert(0, box)
    contents = list(dict.fromkeys(box.content or "" for box in parts))
    return contents[0] if len(contents) == 1 else ", ".join(contents)


def _is_joint(gap: str) -> bool:
    """Whether two boxes with this text between them are parts of one answer. What reads as a
    correction ("so", "wait", an equals sign) makes the later box replace the earlier one."""
    if len(gap) > LONGEST_GAP:
        return False
    if BARE_GAP.match(gap):
        return True
    named = NAME.search(gap)
    rest = gap[: named.start()] if named else gap
    return JOINER.search(rest) is not None and REVISION.search(rest) is None
