"""The histogram as rectangles: each verdict in a row of its own, so that it is read by place and
words, and colour only repeats them."""

from __future__ import annotations

from dataclasses import dataclass

from app.explorer.histogram import BINS, TITLES, Histogram

WIDTH, HEIGHT, BAR = 1000, 90, 1000 / BINS


@dataclass(frozen=True)
class Bar:
    x: float
    y: float
    width: float
    height: float
    words: str


@dataclass(frozen=True)
class Row:
    verdict: str
    title: str
    total: int
    bars: list[Bar]
    above: int
    """How many have a score of 0.5 or more."""


def drawn(histogram: Histogram) -> list[Row]:
    """Every row on its own scale: wrong answers are many, convincing ones few."""
    return [_row(verdict, counts) for verdict, counts in histogram.rows.items()]


def _row(verdict: str, counts: list[int]) -> Row:
    most = max(counts) or 1
    bars = []
    for place, count in enumerate(counts):
        height = max(2.0, HEIGHT * count / most) if count else 0.0
        words = f"{place / BINS:.2f} to {(place + 1) / BINS:.2f}: {count:,} {TITLES[verdict]}"
        bars.append(Bar(place * BAR + 2, HEIGHT - height, BAR - 4, height, words))
    return Row(verdict, TITLES[verdict], sum(counts), bars, sum(counts[BINS // 2 :]))
