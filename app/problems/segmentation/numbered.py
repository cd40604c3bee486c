"""PURE: cuts before numbered steps.

The outermost numbering counts: "Step 1" before the list inside it, a list before the lists nested in
it. Headings without a number are sections and begin a step too."""

from __future__ import annotations

from itertools import pairwise

from app.problems.segmentation.blocks import iter_lines
from app.problems.segmentation.markers import Marker, is_bare_heading, parse_marker
from app.problems.segmentation.spans import Span, exclude_inside

Counted = dict[tuple[str, int | None], int]
"""Where each number of each style comes last."""


def cut_at_numbers(text: str, protected: list[Span]) -> list[int]:
    """Offsets before the steps; what leads up to the first number is a step of its own."""
    markers = choose_markers(find_markers(text, protected))
    cuts = [marker.start for marker in markers]
    if any(marker.level or marker.kind in ("step", "heading") for marker in markers):
        return cuts
    edges = [*cuts, len(text)]
    for first, last in _list_runs(markers):
        cuts += exclude_inside(_find_closing(text, edges[first : last + 2]), protected)
    return sorted(cuts)


def has_numbers(text: str) -> bool:
    """Whether numbered mode finds anything to cut at."""
    return bool(choose_markers(find_markers(text, [])))


def find_markers(text: str, protected: list[Span]) -> list[Marker]:
    markers = (parse_marker(start, line) for start, line in iter_lines(text))
    candidates = [marker for marker in markers if marker is not None]
    starts = set(exclude_inside((marker.start for marker in candidates), protected))
    return [marker for marker in candidates if marker.start in starts]


def choose_markers(markers: list[Marker]) -> list[Marker]:
    """The markers of the outermost numbering and the headings above it."""
    steps = _choose_steps([marker for marker in markers if marker.kind == "step"])
    numbers = [marker for marker in markers if marker.number is not None and marker.kind != "step"]
    titled = [marker for marker in numbers if marker.level]
    chosen = steps or _drop_deeper(titled) or _choose_numbers(numbers)
    level = min((marker.level for marker in chosen if marker.level), default=0)
    headings = [marker for marker in markers if marker.kind == "heading"]
    if not chosen:
        return _drop_deeper(headings)
    above = [marker for marker in headings if not level or marker.level <= level]
    return sorted([*chosen, *above], key=lambda marker: marker.start)


def _choose_steps(steps: list[Marker]) -> list[Marker]:
    """ "Step 2" without punctuation counts only where 2 is next; indented steps are nested."""
    chosen: list[Marker] = []
    for marker in steps:
        is_next = marker.number == (chosen[-1].number or 0) + 1 if chosen else marker.number in (None, 1)
        is_nested = bool(chosen) and marker.indent > chosen[0].indent + 1
        if not is_nested and (marker.is_delimited or is_next):
            chosen.append(marker)
    return _drop_deeper(chosen) if all(marker.level for marker in chosen) else chosen


def _drop_deeper(markers: list[Marker]) -> list[Marker]:
    level = min((marker.level for marker in markers), default=0)
    return [marker for marker in markers if marker.level == level]


def _choose_numbers(numbers: list[Marker]) -> list[Marker]:
    """The items of the outermost list. Another style than the first is nested, unless it goes on
    with the count where the first does not."""
    counted = {(marker.kind, marker.number): marker.start for marker in numbers}
    chosen: list[Marker] = []
    base = 0
    for marker in numbers:
        if not _is_counted(marker, counted):
            continue
        if not chosen or marker.indent < base:
            base = marker.indent
        if marker.indent > base + 1:
            continue
        if not chosen or marker.kind == chosen[0].kind or _continues(marker, chosen[-1], counted):
            chosen.append(marker)
    return chosen


def _continues(marker: Marker, last: Marker, counted: Counted) -> bool:
    following = (last.number or 0) + 1
    return marker.number == following and counted.get((last.kind, following), 0) < marker.start


def _is_counted(marker: Marker, counted: Counted) -> bool:
    """A line that happens to begin with a number has no neighbor in a count."""
    number = marker.number or 0
    return number <= 1 or any((marker.kind, neighbor) in counted for neighbor in (number - 1, number + 1))


def _list_runs(markers: list[Marker]) -> list[tuple[int, int]]:
    """The indexes of the first and the last item of each list: a list ends where the count starts anew."""
    starts = [
        index
        for index, marker in enumerate(markers)
        if not index or (marker.number or 0) <= (markers[index - 1].number or 0)
    ]
    return [(start, end - 1) for start, end in pairwise([*starts, len(markers)])]


def _find_closing(text: str, edges: list[int]) -> list[int]:
    """The first unindented paragraph behind the last item of a list, if no earlier item has one. The
    edges are the offsets of the items and of what follows them."""
    if len(edges) < 3:
        return []
    paragraphs = [_find_paragraph(text, start, end) for start, end in pairwise(edges)]
    closing = paragraphs.pop()
    return [] if closing is None or any(offset is not None for offset in paragraphs) else [closing]


def _find_paragraph(text: str, start: int, end: int) -> int | None:
    was_blank = False
    for offset, line in iter_lines(text[start:end]):
        if was_blank and line[:1].strip() and not is_bare_heading(line):
            return start + offset
        was_blank = not line.strip()
    return None
