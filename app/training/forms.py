"""The form that starts a training run."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, Field

from app.core.errors import Invalid
from app.prm.objectives import OBJECTIVES
from app.training.external_labels import ExternalLabels
from app.training.model_labels import ModelLabels
from app.training.people_labels import PeopleLabels
from app.training.rollout_labels import RolloutLabels

RowId = Annotated[int, Field(ge=0, lt=2**62)]


class TrainingForm(BaseModel):
    """Field names are those of the page. 0 stands for no model and no generator."""

    objective: str = "prm3"
    size: str = "small"
    epochs: float = 3.0
    aggregation: Annotated[str, Field(max_length=40)] = "majority"
    label_model_id: RowId = 0
    threshold: float = 0.2
    generator_id: RowId = 0
    external_source: Annotated[str, Field(max_length=100)] = ""
    base: Annotated[str, Field(max_length=500)] = ""
    label_tokens: Annotated[str, Field(max_length=200)] = ""
    lora_rank: int = 0
    learning_rate: Annotated[str, Field(max_length=20)] = ""
    max_length: Annotated[str, Field(max_length=20)] = ""

    def definition(self) -> dict[str, Any]:
        """Which labels, as the options of a snapshot's definition."""
        if sum(map(bool, (self.label_model_id, self.generator_id, self.external_source))) > 1:
            raise Invalid("Labels come from one source.", remedy="Choose a model, a generator or a file.")
        objective = OBJECTIVES.get(self.objective)
        options: dict[str, Any] = {"source": objective.label_sources[0] if objective else PeopleLabels.id}
        if self.label_model_id:
            options = {"source": ModelLabels.id, "model_id": self.label_model_id, "threshold": self.threshold}
        if self.generator_id:
            soft = bool(objective and objective.soft_labels)
            options = {"source": RolloutLabels.id, "generator_id": self.generator_id, "soft": soft}
        if self.external_source:
            options = {"source": ExternalLabels.id, "external_source": self.external_source}
        return {**options, "aggregation": self.aggregation}

    def config(self) -> dict[str, Any]:
        """The training options that were filled in."""
        options: dict[str, Any] = {
            "size": self.size,
            "epochs": self.epochs,
            "objective": self.objective,
            "lora_rank": self.lora_rank,
        }
        if self.base.strip():
            options["base"] = self.base.strip()
        if self.label_tokens.strip():
            options["label_tokens"] = self.label_tokens.split()
        numbers = {"learning_rate": self.learning_rate, "max_length": self.max_length}
        options |= {name: _parse_number(name, value) for name, value in numbers.items() if value.strip()}
        return options


def _parse_number(name: str, value: str) -> float | int:
    """Raises Invalid."""
    try:
        number = float(value)
    except ValueError as error:
        raise Invalid(f"{name} must be a number, not {value[:20]!r}.") from error
    return int(number) if number.is_integer() else number
