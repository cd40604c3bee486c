"""A line figure with intervals as one SVG file, for folders and documents; x on a log scale. (Pages
draw their figures in the browser, from app.evaluation.plots.)"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

COLOURS = ("#2f6db5", "#c2562d", "#3c8f5a", "#8b5fb0", "#b08a1e", "#b0466b", "#4a8f96", "#777777", "#222222")
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 860, 430, 60, 300, 40, 50


@dataclass(frozen=True)
class Line:
    label: str
    mean: list[float]
    low: list[float]
    high: list[float]


def svg(title: str, x_label: str, x: Sequence[float], lines: Sequence[Line]) -> str:
    """x grows and is positive; values are shares. Lines differ by colour and dash, and are named
    beside the plot in the order of their ends."""
    top = max(0.1, math.ceil(10 * max(max(line.high) for line in lines)) / 10)
    bottom = math.floor(10 * min(min(line.low) for line in lines)) / 10
    plot = _Plot(x, bottom, top)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
        f'font-size="12"><rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        f'<text x="{LEFT}" y="22" font-size="15" font-weight="600">{escape(title)}</text>',
        *plot.axes(x_label),
    ]
    for number, line in enumerate(lines):
        parts += plot.line(line, COLOURS[number % len(COLOURS)], number)
    parts += plot.names(lines)
    return "\n".join([*parts, "</svg>", ""])


class _Plot:
    def __init__(self, x: Sequence[float], bottom: float, top: float) -> None:
        self.x, self.bottom, self.top = list(x), bottom, top
        self.logs = [math.log(value) for value in x]

    def across(self, log: float) -> float:
        span = max(self.logs[-1] - self.logs[0], 1e-9)
        return round(LEFT + (WIDTH - LEFT - RIGHT) * (log - self.logs[0]) / span, 1)

    def up(self, value: float) -> float:
        share = (value - self.bottom) / (self.top - self.bottom)
        return round(HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share, 1)

    def axes(self, x_label: str) -> list[str]:
        right, floor = WIDTH - RIGHT, HEIGHT - BOTTOM
        parts = []
        for tenth in range(round(self.bottom * 10), round(self.top * 10) + 1):
            y = self.up(tenth / 10)
            parts.append(f'<line x1="{LEFT}" x2="{right}" y1="{y}" y2="{y}" stroke="#ddd"/>')
            parts.append(f'<text x="{LEFT - 8}" y="{y + 4}" text-anchor="end">{tenth * 10} %</text>')
        for value, log in zip(self.x, self.logs, strict=True):
            parts.append(
                f'<text x="{self.across(log)}" y="{floor + 18}" text-anchor="middle">{value:g}</text>'
            )
        middle = (LEFT + right) / 2
        return [*parts, f'<text x="{middle}" y="{HEIGHT - 10}" text-anchor="middle">{escape(x_label)}</text>']

    def line(self, line: Line, colour: str, number: int) -> list[str]:
        def points(values: Sequence[float]) -> list[str]:
            return [f"{self.across(log)},{self.up(v)}" for log, v in zip(self.logs, values, strict=True)]

        band = " ".join([*points(line.low), *reversed(points(line.high))])
        dash = ("", "6 3", "2 3", "8 3 2 3")[number % 4]
        return [
            f'<polygon points="{band}" fill="{colour}" opacity="0.08"/>',
            f'<polyline points="{" ".join(points(line.mean))}" fill="none" stroke="{colour}" '
            f'stroke-width="2" stroke-dasharray="{dash}"/>',
        ]

    def names(self, lines: Sequence[Line]) -> list[str]:
        """Beside the ends, moved apart where they would touch."""
        ordered = sorted(range(len(lines)), key=lambda each: -lines[each].mean[-1])
        parts, last = [], TOP - 16.0
        for number in ordered:
            last = max(last + 16, self.up(lines[number].mean[-1]) + 4)
            said = f"{lines[number].label}: {100 * lines[number].mean[-1]:.0f} %"
            colour = COLOURS[number % len(COLOURS)]
            parts.append(f'<text x="{WIDTH - RIGHT + 10}" y="{last}" fill="{colour}">{escape(said)}</text>')
        return parts
