"""Options of a search. Importable without torch."""

from __future__ import annotations

from typing import Annotated, Literal, Self, get_args

from pydantic import Field, model_validator

from app.common.config import Config, Seed
from app.prm.config import Aggregate

Method = Literal["best_of_n", "beam", "lookahead", "dvts", "revisions"]
AnswerSelection = Literal["weighted", "best", "majority"]
VoteBy = Literal["solutions", "samples"]
METHODS, ANSWER_SELECTIONS, VOTE_BY = get_args(Method), get_args(AnswerSelection), get_args(VoteBy)
FORMER_VOTE_BY = {"vote_by": {"draws": "samples"}}
MOST = 4096
ROUNDS = 40
"""Snell et al. 2024, section 5.1."""
Beams = Annotated[int, Field(ge=1, le=MOST)]
Rounds = Annotated[int, Field(ge=1, le=1_000)]


class SearchConfig(Config):
    """Options of a search; docs/search.md gives the sources of the defaults."""

    former_names = {  # noqa: RUF012
        "width": "beam_width",
        "pick": "answer_selection",
        "voices": "vote_by",
        "stages": "two_stage",
    }
    former_values = FORMER_VOTE_BY
    method: Method = "best_of_n"
    """How solutions are searched."""
    n: Beams = 16
    """Number of beams; for best_of_n, the number of samples."""
    beam_width: Beams = 4
    """Beam width M: each selected prefix is continued M times, so n / M are selected. DVTS: n / M subtrees.
    Revisions: n / M chains of M solutions."""
    lookahead: Annotated[int, Field(ge=0, le=1_000)] = 1
    """k: greedy rollout steps before a prefix is scored (lookahead only)."""
    rounds: Rounds = ROUNDS
    """Maximum rounds: steps of a solution."""
    answer_selection: AnswerSelection = "weighted"
    """Answer selection: weighted (the answer with the largest sum of scores), best (the highest score),
    majority."""
    vote_by: VoteBy = "solutions"
    """Votes after beam search, lookahead or DVTS: one per distinct solution (solutions), or one per sample
    (samples, as in Snell et al. 2024). Best-of-N always counts samples."""
    two_stage: bool = True
    """Revisions: select within each chain first, then across chains; otherwise among all at once."""
    aggregate: Aggregate | None = None
    """How step probabilities become a prefix score. None: the default of the scorer."""
    seed: Seed = 0
    """Seed of the sampling."""

    @model_validator(mode="after")
    def _validate_beams(self) -> Self:
        if self.method != "best_of_n" and self.n % self.beam_width:
            raise ValueError(
                f"n must be a multiple of beam_width; {self.n} is not a multiple of {self.beam_width}"
            )
        return self

    @property
    def budget(self) -> int:
        """Budget in solutions, as in Snell et al. 2024 (section 5.2): n, and n (k + 1) for lookahead, which
        generates k more steps per step. `Costs` counts what was actually generated."""
        return self.n * (self.lookahead + 1) if self.method == "lookahead" else self.n
