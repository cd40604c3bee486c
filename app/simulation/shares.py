"""Which policies a round can follow: by policy, the shares of the strategies of app/selection.
Importable without torch."""

from __future__ import annotations

PAPER = {"convincing_wrong": 0.8, "most_convincing": 0.2}
SHARES: dict[str, dict[str, float]] = {
    "uniform": {"uniform": 1.0},
    "paper": PAPER,
    "iterated": PAPER,
    "gated": PAPER,
    "spread": {"convincing_wrong_by_step": 1.0},
    "unsure": {"uncertain_step": 1.0},
    "contradicted": {"convincing_wrong_by_step": 0.5, "doubted_right": 0.5},
}
