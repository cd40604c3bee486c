"""Plots as data. The page's drawing, table, downloads and spoken summary all come from one Plot. The
module needs no numpy, because the web process renders what the worker computed."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from fastapi.responses import JSONResponse, PlainTextResponse, Response

from app.core.errors import NotFound


@dataclass
class Series:
    name: str
    label: str
    values: list[float | None]
    low: list[float | None] | None = None
    high: list[float | None] | None = None
    shown: bool = True
    band: bool = False
    """Whether the interval is drawn; it is always in the legend and the table."""


@dataclass
class Plot:
    slug: str
    title: str
    x_label: str
    x: list[Any]
    series: list[Series]
    y_label: str = "share of problems solved"
    log: bool = False
    diagonal: bool = False
    hint: str = ""
    names: list[str] = field(default_factory=list)
    """Names for the places of x, where they are not numbers."""

    def as_json(self) -> dict[str, Any]:
        return {
            "title": self.title,
            "x": {"label": self.x_label, "values": self.x, "log": self.log, "names": self.names},
            "y": {"label": self.y_label},
            "diagonal": self.diagonal,
            "series": [vars(series) for series in self.series],
        }

    def as_csv(self) -> str:
        out = io.StringIO()
        write = csv.writer(out)
        columns = [(series.label, series.values) for series in self.series]
        for series in self.series:
            if series.low is not None and series.high is not None:
                columns += [(f"{series.label}, low", series.low), (f"{series.label}, high", series.high)]
        write.writerow([self.x_label, *(name for name, _ in columns)])
        for place, x in enumerate(self.names or self.x):
            write.writerow([_safe(x), *(values[place] for _, values in columns)])
        return out.getvalue()

    def response(self, form: str, name: str) -> Response:
        """As a download: `form` is csv or json."""
        if form == "csv":
            headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
            return PlainTextResponse(self.as_csv(), media_type="text/csv; charset=utf-8", headers=headers)
        if form == "json":
            return JSONResponse(self.as_json())
        raise NotFound("Unknown format.", remedy="Valid formats: csv, json.")

    def rows(self) -> Iterator[tuple[Any, list[tuple[float | None, float | None, float | None]]]]:
        """For the table: x, and of each series value, low and high. At most some 16 rows."""
        every = max(1, -(-len(self.x) // 16))
        for place, x in enumerate(self.names or self.x):
            if place % every == 0 or place == len(self.x) - 1:
                yield (
                    x,
                    [
                        (
                            series.values[place],
                            (series.low or series.values)[place],
                            (series.high or series.values)[place],
                        )
                        for series in self.series
                    ],
                )

    def summary(self) -> str:
        """The figure in a sentence."""
        sentences = []
        for series in self.series:
            values = [value for value in series.values if value is not None]
            if values:
                sentences.append(f"{series.label}: {values[0]:.1%} to {values[-1]:.1%}")
        first, last = (self.names or self.x)[0], (self.names or self.x)[-1]
        return f"{self.title}. {self.x_label} from {first} to {last}. {'; '.join(sentences)}."


def _safe(value: Any) -> Any:
    """No spreadsheet runs a name as a formula."""
    return f"'{value}" if isinstance(value, str) and value[:1] in "=+-@\t\r" else value
