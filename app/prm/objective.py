"""What a training objective is. The registry and the objectives themselves are in objectives.py."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from torch import Tensor

    from app.prm.batch_layout import Batch
    from app.prm.examples import Example, TokenRow

Kind = Literal["prm", "orm"]


class LabelOptions(Protocol):
    """The options of a training run that labels depend on (a TrainConfig has them)."""

    @property
    def neutral_is_positive(self) -> bool: ...


class Objective(Protocol):
    """All members but `supervise` and `loss` are data about the objective; tensors have the shapes given."""

    id: str
    label: str
    """The objective in a form, at most a few words."""
    description: str
    """One sentence with the source, for the documentation."""
    kind: Kind
    """prm: read at the end of each step. orm: read at the last token of a solution."""
    outputs: int
    """Outputs of the head."""
    two_class: bool
    """Whether p(neutral) is always 0."""
    dropout: float
    """Residual dropout unless the config sets one."""
    has_language_loss: bool
    """Whether the language modeling loss of the solution's tokens is added (`language_weight`)."""
    label_sources: tuple[str, ...]
    """Label sources that it learns from."""
    prefix_aggregate: str
    """How step probabilities become the score of a prefix in a search, unless its config says."""
    soft_labels: bool
    """Whether it learns from soft labels instead of ratings."""

    def supervise(self, row: TokenRow, example: Example, options: LabelOptions) -> TokenRow:
        """`row` with the tokens that carry a label (`points`) and their labels (`values`). A row without
        points learns `targets` at the step ends."""

    def read_slots(self, batch: Batch) -> Tensor:
        """Slots at which the head is read during training. [points]"""

    def loss(self, outputs: Tensor, batch: Batch, labeled: int) -> Tensor:
        """The loss of `outputs` [points, outputs], summed and divided by `labeled`, the number of labeled
        points of the whole optimizer step (loss.py)."""

    def targets(self, batch: Batch) -> Tensor:
        """Class index of each point: 0 negative, 1 neutral, 2 positive, -100 without a label. [points]"""

    def probabilities(self, outputs: Tensor) -> Tensor:
        """p(negative), p(neutral), p(positive) from the head's outputs. [n, outputs] to [n, 3]"""
