"""What a search is told. Plain data; importable without torch."""

from __future__ import annotations

from typing import Annotated, Literal, Self, get_args

from pydantic import Field, model_validator

from app.common.config import Config, Seed
from app.prm.config import Aggregate

Method = Literal["best_of_n", "beam", "lookahead", "dvts", "revisions"]
Pick = Literal["weighted", "best", "majority"]
Voices = Literal["solutions", "draws"]
METHODS, PICKS, VOICES = get_args(Method), get_args(Pick), get_args(Voices)
MOST = 4096
ROUNDS = 40
"""Snell et al. 2024, section 5.1."""
Beams = Annotated[int, Field(ge=1, le=MOST)]
Rounds = Annotated[int, Field(ge=1, le=1_000)]


class SearchConfig(Config):
    """Every option of a search; docs/search.md says where each default comes from."""

    method: Method = "best_of_n"
    n: Beams = 16
    """Beams: solutions on the way at once. For best_of_n, the samples."""
    width: Beams = 4
    """M: each kept prefix is continued M times, so n / M are kept. DVTS: n / M subtrees.
    Revisions: n / M chains of M solutions."""
    lookahead: Annotated[int, Field(ge=0, le=1_000)] = 1
    """k: steps that are rolled out greedily before a prefix is judged (lookahead only)."""
    rounds: Rounds = ROUNDS
    pick: Pick = "weighted"
    """How one solution is chosen at the end: weighted (the answer whose solutions have the largest
    sum of scores), best (the highest score), majority."""
    voices: Voices = "solutions"
    """What votes at the end of a beam search, a lookahead or DVTS: every different solution once, or
    every draw of one (as Snell et al. 2024 do). The samples of best_of_n are draws always."""
    stages: bool = True
    """Revisions: choose within every chain first, then across; else among all at once."""
    aggregate: Aggregate | None = None
    """How step probabilities become the score of a prefix. Null: as the scorer was taught."""
    seed: Seed = 0

    @model_validator(mode="after")
    def _validate_beams(self) -> Self:
        if self.method != "best_of_n" and self.n % self.width:
            raise ValueError(f"n must be a multiple of width; {self.n} is not a multiple of {self.width}")
        return self

    @property
    def budget(self) -> int:
        """Solutions' worth of generation, as Snell et al. 2024 count it (section 5.2): n, and
        n (k + 1) for lookahead, whose every step brings k more. What was really generated is
        counted beside it (Costs)."""
        return self.n * (self.lookahead + 1) if self.method == "lookahead" else self.n
