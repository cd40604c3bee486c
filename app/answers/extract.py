"""PURE: the final answer out of a solution's text.

GSM8K's answer is behind `####` or `A:` (Cobbe et al. 2021), MATH's in the last `\\boxed{}` (Hendrycks et
al. 2021), PRM800K's behind `# Answer` (Lightman et al. 2023), that of the few-shot prompts of Minerva
behind "Final Answer: The final answer is" (Lewkowycz et al. 2022). The last marker counts. Thinking is
left out (thinking.py). Every function takes time linear in the text. Docs: docs/answers.md."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from app.answers.boxes import join_last_boxes, list_boxes
from app.answers.phrases import find_phrase
from app.answers.thinking import final_part

LONGEST = 100_000
HEADING = re.compile(r"\*{0,2}(?:the )?(?:final |correct )?(?:answer|solution)\*{0,2}:?\*{0,2}$", re.I)
STATEMENT = re.compile(r"(?:\w+ )?answer\W{0,6}(?:is|are|(?:should|would|must|will) be)\b", re.I)
BEGINNING = re.compile(r"[\s*_#>-]*(?:(?:the|my|so|therefore|thus|hence),? ?)*(?:final |correct )?$", re.I)
ANSWER_TAG = re.compile(r"<answer>(.{0,2000}?)</answer>", re.I | re.S)


def answer_of_steps(steps: Sequence[str]) -> str | None:
    """The final answer of a solution that is given as steps."""
    return last_answer("\n\n".join(steps))


def last_answer(text: str) -> str | None:
    """The final answer of a solution, or None. Of several markers the last one counts; a box that is
    cut off makes the whole answer unreadable."""
    text = final_part(text[-LONGEST:])
    if tagged := ANSWER_TAG.findall(text[-5000:]):
        inner = tagged[-1].strip()
        return boxed(inner) or inner or None
    boxes = list_boxes(text)
    if boxes and boxes[-1].content is None:
        return None
    start, answer = _last_marked(text)
    last_box = max((box.end for box in boxes if box.content), default=-1)
    if answer is not None and start > last_box and (last_box < 0 or _replaces_box(text, start, answer)):
        return answer
    return join_last_boxes(text, boxes) if last_box >= 0 else answer


def _replaces_box(text: str, start: int, answer: str) -> bool:
    """Whether a marker behind a box states another answer. A check ("Check the answer: 5 * 3 = 15") or
    prose does not."""
    if answer.count(" ") > 5 and not re.search(r"[\d$\\]", answer):
        return False
    line = text[text.rfind("\n", 0, start) + 1 : start]
    return STATEMENT.match(text, start) is not None or BEGINNING.match(line[-80:]) is not None


def _last_marked(text: str) -> tuple[int, str | None]:
    """The start of the last marker that is no box, and the answer behind it."""
    marked = [
        match for match in (_hash_answer(text), _heading_answer(text), find_phrase(text)) if match is not None
    ]
    return max(marked, key=lambda match: match[0]) if marked else (-1, None)


def gsm8k_answer(text: str) -> str | None:
    """What is behind the last `####` or `A:` at the beginning of a line."""
    match = _hash_answer(text[-LONGEST:])
    return match[1] if match else None


def boxed(text: str) -> str | None:
    """What is in the last `\\boxed{...}`, or in several boxes that are parts of one answer."""
    text = text[-LONGEST:]
    return join_last_boxes(text, list_boxes(text))


def under_heading(text: str) -> str | None:
    """What is under the last heading "Answer" or "Final Answer"."""
    match = _heading_answer(text[-LONGEST:])
    return match[1] if match else None


def _iter_lines(text: str) -> Iterable[tuple[int, str]]:
    """Lines without the blanks around them, each with its position in the text."""
    at = 0
    for line in text.split("\n"):
        yield at, line.strip()
        at += len(line) + 1


def _hash_answer(text: str) -> tuple[int, str] | None:
    match = None
    for at, line in _iter_lines(text) if "####" in text or "A:" in text else ():
        answer = line.removeprefix("####").removeprefix("A:").strip()
        if line.startswith(("####", "A:")) and answer and not HEADING.match(answer):
            match = (at, answer)
    return match


def _heading_answer(text: str) -> tuple[int, str] | None:
    """Under a Markdown heading: the rest of the text up to the first blank line."""
    match = None
    for at, line in _iter_lines(text) if "#" in text or "**" in text else ():
        if line.startswith(("#", "**")) and len(line) < 60 and HEADING.match(line.lstrip("#").strip()):
            match = (at, text.find("\n", at + len(line)) + 1 or len(text))
    if match is None:
        return None
    paragraphs = text[match[1] :].strip().split("\n\n", 1)
    answer = paragraphs[0].strip()
    return (match[0], answer) if answer else None
