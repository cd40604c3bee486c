"""PURE: what is worth knowing about texts before they are imported, and which segmentation suits them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from app.problems.segmentation.fences import find_fences
from app.problems.segmentation.modes import BLANK_LINES
from app.problems.segmentation.numbered import has_numbers
from app.problems.segmentation.thinking import find_barrier, has_thinking

MANY_STEPS = 60
MANY_PARAGRAPHS = 3
"""So many paragraphs in the typical text look like model output."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A solution of the file that is being previewed."""

    line: int
    steps: Sequence[str]
    free_text: str | None = None
    """What the steps were cut out of; None where the file lists the steps."""

    @property
    def text(self) -> str:
        return "\n\n".join(self.steps) if self.free_text is None else self.free_text


@dataclass(frozen=True, slots=True)
class Notice:
    code: str
    """`thinking`, `open_fence`, `no_numbers` or `many_steps`."""
    message: str
    lines: tuple[int, ...]
    """The lines of the file that it concerns, ascending."""

    def describe_lines(self) -> str:
        listed = ", ".join(f"{line:,}" for line in self.lines[:5])
        return (
            f"Line{'s' if len(self.lines) > 1 else ''} {listed}{' and more' if len(self.lines) > 5 else ''}"
        )


RULES: tuple[tuple[str, Callable[[Sample, str], bool], str], ...] = (
    (
        "thinking",
        lambda sample, segmentation: has_thinking(sample.text),
        "{} thinking. No step cut from a text mixes thinking and final answer.",
    ),
    (
        "open_fence",
        lambda sample, segmentation: has_open_fence(sample.text),
        "{} a code block that is never closed. The output may have been cut off.",
    ),
    (
        "no_numbers",
        lambda sample, segmentation: segmentation == "numbered" and _lacks_numbers(sample),
        "{} no numbered steps. Choose another segmentation to cut such texts.",
    ),
    (
        "many_steps",
        lambda sample, segmentation: len(sample.steps) >= MANY_STEPS,
        f"{{}} {MANY_STEPS} steps or more. Labeling takes long, and a model may not read to the end.",
    ),
)


def find_notices(samples: Sequence[Sample], segmentation: str) -> list[Notice]:
    """At most one notice of each kind. `segmentation` is what the free texts were cut with."""
    notices: list[Notice] = []
    for code, applies, sentence in RULES:
        lines = [sample.line for sample in samples if applies(sample, segmentation)]
        if lines:
            count = "1 solution has" if len(lines) == 1 else f"{len(lines):,} solutions have"
            notices.append(Notice(code, sentence.format(count), tuple(sorted(set(lines)))))
    return notices


def suggest_segmentation(texts: Sequence[str]) -> str | None:
    """`model_output` for texts that hold thinking or code blocks, or of which the typical one has
    several paragraphs. None where nothing speaks for it."""
    if not texts:
        return None
    if any(has_thinking(text) or find_fences(text) for text in texts):
        return "model_output"
    paragraphs = median(len(BLANK_LINES.findall(text.strip())) + 1 for text in texts)
    return "model_output" if paragraphs >= MANY_PARAGRAPHS else None


def has_open_fence(text: str) -> bool:
    """Whether a code block is never closed."""
    return any(not fence.is_closed for fence in find_fences(text, find_barrier(text)))


def _lacks_numbers(sample: Sample) -> bool:
    return sample.free_text is not None and not has_numbers(sample.free_text)
