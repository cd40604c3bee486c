"""What a search is told. Plain data; importable without torch."""

from __future__ import annotations

from dataclasses import dataclass

from app.common.config import Config, ConfigError
from app.prm.config import AGGREGATES

METHODS = ("best_of_n", "beam", "lookahead", "dvts", "revisions")
PICKS = ("weighted", "best", "majority")
VOICES = ("solutions", "draws")
MOST = 4096
ROUNDS = 40
"""Snell et al. 2024, section 5.1."""


@dataclass(frozen=True)
class SearchConfig(Config):
    """Every option of a search; docs/search.md says where each default comes from."""

    method: str = "best_of_n"
    n: int = 16
    """Beams: solutions on the way at once. For best_of_n, the samples."""
    width: int = 4
    """M: each kept prefix is continued M times, so n / M are kept. DVTS: n / M subtrees.
    Revisions: n / M chains of M solutions."""
    lookahead: int = 1
    """k: steps that are rolled out greedily before a prefix is judged (lookahead only)."""
    rounds: int = ROUNDS
    pick: str = "weighted"
    """How one solution is chosen at the end: weighted (the answer whose solutions have the largest
    sum of scores), best (the highest score), majority."""
    voices: str = "solutions"
    """What votes at the end of a beam search, a lookahead or DVTS: every different solution once, or
    every draw of one (as Snell et al. 2024 do). The samples of best_of_n are draws always."""
    stages: bool = True
    """Revisions: choose within every chain first, then across; else among all at once."""
    aggregate: str | None = None
    """How step probabilities become the score of a prefix. Null: as the scorer was taught."""
    seed: int = 0

    def check(self) -> None:
        _check_choice("method", self.method, METHODS)
        _check_choice("pick", self.pick, PICKS)
        _check_choice("voices", self.voices, VOICES)
        if self.aggregate is not None:
            _check_choice("aggregate", self.aggregate, AGGREGATES)
        limits = {"n": MOST, "width": MOST, "lookahead": 1000, "rounds": 1000, "seed": 2**31 - 1}
        for name, most in limits.items():
            least = 0 if name in ("lookahead", "seed") else 1
            if not least <= getattr(self, name) <= most:
                raise ConfigError(f"{name} must be between {least} and {most:,}")
        if self.method != "best_of_n" and self.n % self.width:
            raise ConfigError(f"n must be a multiple of width; {self.n} is not a multiple of {self.width}")

    @property
    def budget(self) -> int:
        """Solutions' worth of generation, as Snell et al. 2024 count it (section 5.2): n, and
        n (k + 1) for lookahead, whose every step brings k more. What was really generated is
        counted beside it (Costs)."""
        return self.n * (self.lookahead + 1) if self.method == "lookahead" else self.n


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ConfigError(f"{name} must be one of {', '.join(choices)}, not {value!r}")
