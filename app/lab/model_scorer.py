"""A published model as the scorer of a search. Loads torch, so only worker processes use it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from app.prm.config import ScoreConfig
from app.prm.predict import Scorer
from app.search.protocols import Steps


def count_parameters(model: Any) -> int:
    """Number of parameters without embeddings, as used for FLOPs (Kaplan et al. 2020, section 2.1)."""
    tables = {
        id(table.weight): table.weight.numel()
        for table in (model.get_input_embeddings(), model.get_output_embeddings())
        if table is not None
    }
    return sum(parameter.numel() for parameter in model.parameters()) - sum(tables.values())


class ModelScorer:
    """A `Scorer` (search/protocols.py). Prefixes of one call share their common beginning, which is read
    once. `aggregate` follows from the training objective."""

    def __init__(self, folder: Path, config: ScoreConfig) -> None:
        self.scorer = Scorer(folder, config)
        self.neutral = config.neutral_is_positive

    @property
    def aggregate(self) -> str:
        """Outcome models are read at their last token, and models trained on soft labels at their last step
        (Snell et al. 2024, section 5.1). Models trained on ratings up to the first error learn nothing about
        later steps, so their step probabilities are multiplied (Lightman et al. 2023, appendix F)."""
        return self.scorer.model.objective.prefix_aggregate

    @property
    def tokens(self) -> int:
        """Tokens read so far. Shared prefixes of one call count once."""
        return self.scorer.computed

    @property
    def parameters(self) -> int:
        return count_parameters(self.scorer.model.body) + sum(
            parameter.numel() for parameter in self.scorer.model.head.parameters()
        )

    def score_prefixes(self, problem: str, prefixes: Sequence[Steps]) -> list[list[float] | None]:
        scores = self.scorer.score([(problem, steps) for steps in prefixes])
        return [None if score is None else self._correct_probs(score.step_probs) for score in scores]

    def _correct_probs(self, probs: Sequence[float]) -> list[float]:
        """p(correct) of each step: p(positive), plus p(neutral) if neutral counts as positive."""
        return [
            positive + neutral * self.neutral
            for neutral, positive in zip(probs[1::3], probs[2::3], strict=True)
        ]
