"""What a round is told: which labels, which model, what to queue. Plain data with defaults,
checked where it comes in (the form, the API, a JSON file), stored with the round."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from app.common.config import ConfigError
from app.core.errors import Invalid
from app.prm.config import ScoreConfig, TrainConfig
from app.selection.gate import FALLBACKS, GateConfig
from app.selection.strategies import STRATEGIES

PAPER = {**dict.fromkeys(STRATEGIES, 0.0), "convincing_wrong": 0.8, "most_convincing": 0.2}


@dataclass(frozen=True)
class Policy:
    """What to queue. The default mixture is Lightman et al. 2023, section 4.2."""

    size: int = 200
    shares: dict[str, float] = field(default_factory=lambda: dict(PAPER))
    per_problem: int = 4
    """At most this many of one problem in the generation."""
    splits: tuple[str, ...] = ("train",)
    """Validation problems may be asked for; test problems can not."""
    seed: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.size <= 1_000_000:
            raise Invalid("The size of the batch must be between 1 and 1,000,000.")
        if not 1 <= self.per_problem <= 10_000:
            raise Invalid("The cap per problem must be between 1 and 10,000.")
        for name, share in self.shares.items():
            if name not in STRATEGIES:
                raise Invalid(f"There is no strategy {name!r}.", remedy=f"Use {', '.join(STRATEGIES)}.")
            if not 0 <= share <= 1_000:
                raise Invalid(f"The share of {name} must be between 0 and 1.")
        if not sum(self.shares.values()) > 0:
            raise Invalid("Every share is 0, so nothing would be queued.", remedy="Give one of them a share.")
        if "test" in self.splits:
            raise Invalid(
                "Test problems are never queued: their labels would leak into what is measured.",
                remedy='Use "train" and, if you want, "validation".',
            )
        if not self.splits or set(self.splits) - {"train", "validation"}:
            raise Invalid('The splits must be "train", "validation" or both.')


@dataclass(frozen=True)
class RoundConfig:
    """`data` goes as it is to the snapshot, `train` and `score` to their runs; `model_id` skips
    snapshot and training and chooses with a model that is there."""

    policy: Policy = field(default_factory=Policy)
    data: dict[str, Any] = field(default_factory=dict)
    train: dict[str, Any] = field(default_factory=dict)
    score: dict[str, Any] = field(default_factory=dict)
    gate: GateConfig = field(default_factory=GateConfig)
    model_id: int | None = None

    def as_json(self) -> dict[str, Any]:
        kept = asdict(self)
        kept["policy"]["splits"] = list(self.policy.splits)
        return kept


def parse(given: Any) -> RoundConfig:
    """A config from JSON. A key nobody knows is an error: a misspelt share must not pass for none."""
    fields = _known(given, {"policy", "data", "train", "score", "gate", "model_id"}, "the round's config")
    policy = _known(fields.pop("policy", {}), {"size", "shares", "per_problem", "splits", "seed"}, '"policy"')
    for name in ("size", "per_problem", "seed"):
        if name in policy and (not isinstance(policy[name], int) or isinstance(policy[name], bool)):
            raise Invalid(f'"{name}" must be a whole number.')
    if "shares" in policy:
        policy["shares"] = {**dict.fromkeys(STRATEGIES, 0.0), **_shares(policy["shares"])}
    if "splits" in policy:
        if not isinstance(policy["splits"], list) or not all(isinstance(x, str) for x in policy["splits"]):
            raise Invalid('"splits" must be a list of names.')
        policy["splits"] = tuple(policy["splits"])
    for name in ("data", "train", "score"):
        fields[name] = _known(fields.get(name, {}), None, f'"{name}"')
    _checked_by(TrainConfig, fields["train"], "train")
    _checked_by(ScoreConfig, fields["score"], "score")
    model_id = fields.get("model_id")
    if model_id is not None and (not isinstance(model_id, int) or isinstance(model_id, bool)):
        raise Invalid('"model_id" must be the number of a model.')
    gate = _gate(fields.pop("gate", {}))
    return RoundConfig(policy=Policy(**policy), gate=gate, **fields)


def _gate(given: Any) -> GateConfig:
    fields = _known(given, {"fallback", "unchecked", "min_problems", "min_solutions"}, '"gate"')
    for name in ("fallback", "unchecked"):
        if fields.get(name, "none") not in FALLBACKS:
            raise Invalid(f'"{name}" of the gate must be one of {", ".join(FALLBACKS)}.')
    for name, most in (("min_problems", 100_000), ("min_solutions", 10_000)):
        value = fields.get(name, 2)
        if not isinstance(value, int) or isinstance(value, bool) or not 2 <= value <= most:
            raise Invalid(f'"{name}" of the gate must be a whole number between 2 and {most:,}.')
    return GateConfig(**fields)


def _checked_by(what: type[TrainConfig | ScoreConfig], given: dict[str, Any], name: str) -> None:
    try:
        what.parse(given)
    except ConfigError as error:
        raise Invalid(f'In "{name}": {error}.') from error


def _known(given: Any, names: set[str] | None, where: str) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise Invalid(f"{where[0].upper()}{where[1:]} must be a JSON object.")
    unknown = sorted(set(given) - names) if names is not None else []
    if unknown:
        raise Invalid(
            f"{where[0].upper()}{where[1:]} has the unknown key {unknown[0]!r}.",
            remedy=f"It may have: {', '.join(sorted(names or ()))}.",
        )
    return dict(given)


def _shares(given: Any) -> dict[str, float]:
    shares = _known(given, None, '"shares"')
    for name, share in shares.items():
        if isinstance(share, bool) or not isinstance(share, int | float):
            raise Invalid(f"The share of {name} must be a number.")
    return {name: float(share) for name, share in shares.items()}
