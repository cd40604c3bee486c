"""The registry of training objectives: what a model learns from a solution, and how its output is read.

An objective is one object; `register_objective` adds it, and forms, checks and documentation iterate over the
registry. Importable without torch: only the methods that compute on tensors load it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from app.prm.objective import Kind, LabelOptions, Objective

if TYPE_CHECKING:
    from torch import Tensor

    from app.prm.batch_layout import Batch
    from app.prm.examples import Example, TokenRow

VERIFIER_DROPOUT = 0.2
"""Cobbe et al. 2021, appendix B."""


class ThreeClassObjective:
    id = "prm3"
    label = "Steps: positive, neutral or negative"
    description = "Three classes at step ends, cross-entropy (Lightman et al. 2023, section 2.6)."
    kind: Kind = "prm"
    outputs = 3
    two_class = False
    dropout = 0.0
    has_language_loss = False
    label_sources: tuple[str, ...] = ("people", "model", "rollouts", "external")
    prefix_aggregate = "product"
    soft_labels = False

    def supervise(self, row: TokenRow, example: Example, options: LabelOptions) -> TokenRow:
        return row

    def read_slots(self, batch: Batch) -> Tensor:
        return batch.step_end_slots()

    def loss(self, outputs: Tensor, batch: Batch, labeled: int) -> Tensor:
        from app.prm import loss

        return loss.step_loss(outputs, batch.targets(), labeled)

    def targets(self, batch: Batch) -> Tensor:
        return batch.targets()

    def probabilities(self, outputs: Tensor) -> Tensor:
        return outputs.softmax(1)


class OneOutputObjective:
    """The base of objectives whose head has one output, the logit of p(positive)."""

    kind: Kind = "prm"
    outputs = 1
    two_class = True
    dropout = 0.0
    has_language_loss = False
    label_sources: tuple[str, ...] = ("people", "model", "rollouts", "external")
    prefix_aggregate = "product"
    soft_labels = False

    def read_slots(self, batch: Batch) -> Tensor:
        return batch.token_slots([row.points for row in batch.rows])

    def loss(self, outputs: Tensor, batch: Batch, labeled: int) -> Tensor:
        from app.prm import loss

        return loss.binary_cross_entropy(outputs[:, 0], batch.point_values(), labeled)

    def targets(self, batch: Batch) -> Tensor:
        return (batch.point_values() >= 0.5) * 2

    def probabilities(self, outputs: Tensor) -> Tensor:
        return _two_class_probabilities(outputs[:, 0].sigmoid())


class TwoClassObjective(OneOutputObjective):
    id = "prm2"
    label = "Steps: positive or negative"
    description = (
        "Two classes at step ends, binary cross-entropy; `neutral_is_positive` decides what a neutral step "
        "counts as (Lightman et al. 2023, appendix F)."
    )

    def supervise(self, row: TokenRow, example: Example, options: LabelOptions) -> TokenRow:
        positive = (1, 2) if options.neutral_is_positive else (2,)
        labels = [float(target in positive) if target >= 0 else None for target in row.targets]
        return _label_points(row, row.ends, labels)


class SoftLabelObjective(OneOutputObjective):
    id = "soft"
    label = "Steps: rollout success rate (soft labels)"
    description = (
        "A success rate between 0 and 1 at step ends, binary cross-entropy (Wang et al. 2023, section 3.3; "
        "Snell et al. 2024, appendix D)."
    )
    label_sources: tuple[str, ...] = ("rollouts",)
    prefix_aggregate = "last"
    soft_labels = True

    def supervise(self, row: TokenRow, example: Example, options: LabelOptions) -> TokenRow:
        values = example.values or [None] * len(example.steps)
        return _label_points(row, row.ends, values[: len(row.ends)])


class OutcomeObjective(OneOutputObjective):
    id = "orm"
    label = "Outcomes: verdict of the final answer (ORM)"
    description = (
        "The verdict of the final answer at every solution token, read at the last one (Lightman et al. "
        "2023, appendix E)."
    )
    kind: Kind = "orm"
    label_sources: tuple[str, ...] = ("verdicts",)
    prefix_aggregate = "last"

    def supervise(self, row: TokenRow, example: Example, options: LabelOptions) -> TokenRow:
        """A solution that was cut off has no label: its end is not there to be read."""
        targets = [target for target in example.targets if target is not None]
        if not targets or len(row.ends) < len(example.steps):
            return replace(row, targets=[-100] * len(row.ends))
        points = self.label_positions(row)
        return replace(row, points=points, values=[float(targets[-1] > 0)] * len(points))

    def label_positions(self, row: TokenRow) -> list[int]:
        """Every token of the solution."""
        return list(range(row.start, len(row.ids)))


class TokenVerifierObjective(OutcomeObjective):
    id = "verifier_token"
    label = "Outcomes: token-level verifier"
    description = (
        "The verdict as a scalar at every solution token, squared error, with a language modeling loss "
        "(Cobbe et al. 2021, section 4.1 and appendix E)."
    )
    dropout = VERIFIER_DROPOUT
    has_language_loss = True

    def loss(self, outputs: Tensor, batch: Batch, labeled: int) -> Tensor:
        from app.prm import loss

        return loss.squared_error(outputs[:, 0], batch.point_values(), labeled)

    def probabilities(self, outputs: Tensor) -> Tensor:
        return _two_class_probabilities(outputs[:, 0].clamp(0, 1))


class SolutionVerifierObjective(TokenVerifierObjective):
    id = "verifier_solution"
    label = "Outcomes: solution-level verifier"
    description = "As `verifier_token`, at the last token only (Cobbe et al. 2021, section 4.2)."

    def label_positions(self, row: TokenRow) -> list[int]:
        return [len(row.ids) - 1]


def _label_points(row: TokenRow, positions: Sequence[int], labels: Sequence[float | None]) -> TokenRow:
    labeled = [(at, label) for at, label in zip(positions, labels, strict=True) if label is not None]
    return replace(row, points=[at for at, _ in labeled], values=[label for _, label in labeled])


def _two_class_probabilities(p_positive: Tensor) -> Tensor:
    """[n] to [n, 3]"""
    from app.prm import loss

    return loss.stack_two_classes(p_positive)


OBJECTIVES: dict[str, Objective] = {}


def register_objective(objective: Objective) -> None:
    """Make `objective` available to configs and forms. Raises ValueError if its ID is taken."""
    if objective.id in OBJECTIVES:
        raise ValueError(f"objective {objective.id!r} is already registered")
    OBJECTIVES[objective.id] = objective


def get_objective(objective_id: str) -> Objective:
    """Raises KeyError for an objective that is not registered."""
    return OBJECTIVES[objective_id]


for _objective in (
    ThreeClassObjective(),
    TwoClassObjective(),
    SoftLabelObjective(),
    OutcomeObjective(),
    TokenVerifierObjective(),
    SolutionVerifierObjective(),
):
    register_objective(_objective)
