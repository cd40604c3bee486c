"""What a training or a scoring is told. Plain data; importable without torch."""

from __future__ import annotations

from dataclasses import dataclass

from app.common.config import Config, ConfigError

SIZES: dict[str, dict[str, int]] = {
    "tiny": {"width": 64, "layers": 2, "heads": 4},
    "small": {"width": 192, "layers": 4, "heads": 6},
    "medium": {"width": 512, "layers": 8, "heads": 8},
}
"""Models built from a config, for machines without weights."""
ARCHITECTURES = ("llama", "qwen2", "mistral", "gpt2")
OBJECTIVES = ("prm3", "prm2", "soft", "orm", "verifier_token", "verifier_solution")
TOGETHER = ("walk", "problem", "none")
LAYOUTS = ("auto", "padded", "packed", "tree")
AGGREGATES = ("product", "minimum", "last", "mean")

OUTCOME = ("orm", "verifier_token", "verifier_solution")
"""Objectives that judge the whole solution: an outcome reward model (ORM)."""


def kind_of(objective: str) -> str:
    return "orm" if objective in OUTCOME else "prm"


def _within(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise ConfigError(f"{name} must be between {low:g} and {high:g}, not {value:g}")


def _one_of(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ConfigError(f"{name} must be one of {', '.join(choices)}, not {value!r}")


@dataclass(frozen=True)
class TrainConfig(Config):
    """Every option of a training run. Defaults suit a small model on a plain machine."""

    base: str | None = None
    """A causal transformers model to start from: a folder, or an id with `revision`. Null: a
    new model of `size` with a tokenizer trained on the pool."""
    revision: str | None = None
    """The pinned revision of a `base` that is an id: a full commit hash."""
    objective: str = "prm3"
    """What the model is taught (prm/objectives.py): prm3, prm2, soft, orm, verifier_token or
    verifier_solution."""
    neutral_is_positive: bool = True
    """For prm2: what a neutral step counts as."""
    language_weight: float = 1.0
    """For the verifiers: weight of the language-model loss beside the squared error."""
    dropout: float | None = None
    """On the way of attention and feed-forward into the residual stream, while learning. Null: 0.2
    for the verifiers (Cobbe et al. 2021, appendix B), 0 for the others."""
    lora_rank: int = 0
    """0: all weights learn. Above: only low-rank adapters of this rank and the head (Hu et al. 2021);
    they are merged into the weights when the model is published."""
    lora_alpha: int = 32
    label_tokens: tuple[str, ...] = ()
    """Two words of the base, each one token, by which it would say wrong and right: what it knows of
    them is what the head begins with (Lightman et al. 2023, section 2.6, have the language model say
    a token for each label). None: the head begins at random."""
    gradient_checkpointing: bool = False
    """Compute activations again on the way back: less memory, about a third more work."""
    processes: int = 1
    """Processes that train together, one on each GPU (or on CPUs)."""
    patience: int = 0
    """Stop after so many looks at the validation part without a better loss; 0: never."""
    architecture: str = "llama"
    size: str = "small"
    vocabulary: int = 4096
    max_length: int = 1024
    """Tokens of problem and steps; steps beyond it lose their label, counted in the metrics."""
    epochs: float = 3.0
    learning_rate: float = 3e-4
    warmup: float = 0.05
    """Share of the steps over which the rate rises from 0; it falls to 0 by a cosine."""
    weight_decay: float = 0.01
    clip: float = 1.0
    """Largest norm of the gradient; 0 for none."""
    solutions_per_step: int = 32
    """Solutions an optimiser step learns from, whatever the micro-batches are."""
    together: str = "walk"
    """Which rows are learned in the same optimiser step, so that their common beginning is computed
    once: walk (alternatives of one walk), problem (all of a problem: faster with several solutions
    a problem, steps less mixed), none."""
    tokens_per_batch: int = 0
    """Tokens one micro-batch computes, padding included. 0: what memory holds (prm/token_budget.py), at most
    8,192; either way halved when memory runs out."""
    layout: str = "auto"
    """How rows lie in a micro-batch: padded, packed, or tree (what rows begin with in common is
    computed once). The loss and its gradient are the same. auto: tree, checked against padded on
    the run's own rows, and padded if that fails."""
    evaluations: int = 4
    """How often the validation part is looked at during the run; the best weights are kept."""
    checkpoint_seconds: float = 60.0
    seed: int = 0
    device: str = "auto"
    bf16: bool = True
    """On a GPU that has it; never on a CPU."""
    threads: int = 0
    """CPU threads; 0 leaves the choice to torch."""

    def check(self) -> None:
        _one_of("architecture", self.architecture, ARCHITECTURES)
        _one_of("size", self.size, tuple(SIZES))
        _one_of("objective", self.objective, OBJECTIVES)
        _within("language_weight", self.language_weight, 0, 1_000)
        _within("dropout", self.dropout or 0.0, 0, 0.9)
        _within("lora_rank", self.lora_rank, 0, 1_024)
        _within("lora_alpha", self.lora_alpha, 1, 100_000)
        _within("processes", self.processes, 1, 64)
        _within("patience", self.patience, 0, 1_000)
        _one_of("together", self.together, TOGETHER)
        _one_of("device", self.device, ("auto", "cpu", "cuda"))
        _one_of("layout", self.layout, LAYOUTS)
        _within("vocabulary", self.vocabulary, 300, 262_144)
        _within("max_length", self.max_length, 16, 131_072)
        _within("epochs", self.epochs, 0.001, 1_000)
        _within("learning_rate", self.learning_rate, 1e-9, 1)
        _within("warmup", self.warmup, 0, 1)
        _within("weight_decay", self.weight_decay, 0, 10)
        _within("clip", self.clip, 0, 1e6)
        _within("solutions_per_step", self.solutions_per_step, 1, 65_536)
        _within("tokens_per_batch", self.tokens_per_batch, 0, 16_777_216)
        _within("evaluations", self.evaluations, 0, 1_000)
        _within("checkpoint_seconds", self.checkpoint_seconds, 0, 86_400)
        _within("seed", self.seed, 0, 2**31 - 1)
        _within("threads", self.threads, 0, 1_024)
        if self.revision is not None and self.base is None:
            raise ConfigError("revision belongs to a base; there is none")
        if self.label_tokens and (self.base is None or len(self.label_tokens) != 2):
            raise ConfigError("label_tokens must be two words of a base: one for wrong, one for right")


@dataclass(frozen=True)
class ScoreConfig(Config):
    """How a solution score is made of step probabilities (Lightman et al. 2023, appendix F)."""

    aggregate: str = "product"
    neutral_is_positive: bool = True
    splits: tuple[str, ...] = ("train", "validation", "test")
    tokens_per_batch: int = 0
    """0: what memory holds, at most 16,384."""
    layout: str = "auto"
    device: str = "auto"
    bf16: bool = True
    threads: int = 0

    def check(self) -> None:
        _one_of("aggregate", self.aggregate, AGGREGATES)
        _one_of("device", self.device, ("auto", "cpu", "cuda"))
        _one_of("layout", self.layout, LAYOUTS)
        _within("tokens_per_batch", self.tokens_per_batch, 0, 16_777_216)
        _within("threads", self.threads, 0, 1_024)
        for split in self.splits:
            _one_of("splits", split, ("train", "validation", "test"))
        if not self.splits:
            raise ConfigError("splits must name at least one split")
