"""The options of training and scoring. Plain data; importable without torch."""

from __future__ import annotations

import re
from typing import Annotated, Any, ClassVar, Literal, Self, get_args

from pydantic import AfterValidator, Field, model_validator

from app.common.config import Config, Names, Seed, Share
from app.prm.objectives import OBJECTIVES

HUB_ID = re.compile(r"[\w-][\w.-]{0,95}/[\w-][\w.-]{0,95}")
COMMIT = re.compile(r"[0-9a-f]{40}")
NEW_MODEL_RATE, BASE_RATE, ADAPTER_RATE = 3e-4, 1e-5, 1e-4
SIZES: dict[str, dict[str, int]] = {
    "tiny": {"width": 64, "layers": 2, "heads": 4},
    "small": {"width": 192, "layers": 4, "heads": 6},
    "medium": {"width": 512, "layers": 8, "heads": 8},
}
"""Models built from a config, for machines without weights."""
Size = Literal["tiny", "small", "medium"]
Architecture = Literal["llama", "qwen2", "mistral", "gpt2"]
Layout = Literal["auto", "padded", "packed", "tree"]
Device = Literal["auto", "cpu", "cuda"]
Aggregate = Literal["product", "minimum", "last", "mean"]
Split = Literal["train", "validation", "test"]
ARCHITECTURES = get_args(Architecture)
AGGREGATES = get_args(Aggregate)


def _validate_objective(objective: str) -> str:
    if objective not in OBJECTIVES:
        raise ValueError(f"must be one of {', '.join(OBJECTIVES)}")
    return objective


def _list_ids(schema: dict[str, Any]) -> None:
    schema["enum"] = list(OBJECTIVES)


ObjectiveId = Annotated[str, AfterValidator(_validate_objective), Field(json_schema_extra=_list_ids)]
Threads = Annotated[int, Field(ge=0, le=1_024)]
TokensPerBatch = Annotated[int, Field(ge=0, le=16_777_216)]


class TrainConfig(Config):
    """Every option of a training run. The defaults suit a small model on a plain machine."""

    former_names: ClassVar = {
        "warmup": "warmup_ratio",
        "clip": "max_grad_norm",
        "together": "group_by",
        "solutions_per_step": "batch_size",
        "processes": "num_processes",
    }
    former_values: ClassVar = {"group_by": {"walk": "path"}}

    base: str | None = None
    """A causal transformers model to start from: a folder, or a model ID with `revision`. Null trains a
    new model of `size` with its own tokenizer."""
    revision: str | None = None
    """The full commit hash that pins a `base` given by ID."""
    objective: ObjectiveId = "prm3"
    """What the model learns, by the ID of a registered objective (objectives.py)."""
    neutral_is_positive: bool = True
    """For prm2: whether a neutral step counts as positive."""
    language_weight: Annotated[float, Field(ge=0, le=1_000)] = 1.0
    """For the verifiers: weight of the language modeling loss, added to the squared error."""
    dropout: Annotated[float | None, Field(ge=0, le=0.9)] = None
    """Dropout on the output of attention and feed-forward layers during training. Null: 0.2 for the
    verifiers (Cobbe et al. 2021, appendix B), 0 for the others."""
    lora_rank: Annotated[int, Field(ge=0, le=1_024)] = 0
    """Above 0, trains only low-rank adapters of this rank and the head (Hu et al. 2021). The adapters are
    merged into the weights when the model is published. 0 trains all weights."""
    lora_alpha: Annotated[int, Field(ge=1, le=100_000)] = 32
    """Scale of the adapters: their output is multiplied by lora_alpha / lora_rank."""
    label_tokens: Names = ()
    """Two single-token words of the base that mean negative and positive. The head is initialized from
    their output embeddings (Lightman et al. 2023, section 2.6). Empty: the head starts at random."""
    gradient_checkpointing: bool = False
    """Recompute activations in the backward pass: less memory, about a third more computation."""
    num_processes: Annotated[int, Field(ge=1, le=64)] = 1
    """Processes that train together, one per GPU (or on CPUs)."""
    patience: Annotated[int, Field(ge=0, le=1_000)] = 0
    """Stop after this many evaluations in a row without a lower validation loss. 0 never stops early."""
    architecture: Architecture = "llama"
    """Architecture of a new model."""
    size: Size = "small"
    """Size of a new model."""
    vocabulary: Annotated[int, Field(ge=300, le=262_144)] = 4096
    """Vocabulary size of a new tokenizer."""
    max_length: Annotated[int, Field(ge=16, le=131_072)] = 1024
    """Tokens of problem and steps. Steps beyond it lose their labels; the metrics count them."""
    epochs: Annotated[float, Field(ge=0.001, le=1_000)] = 3.0
    """Passes over the training solutions."""
    learning_rate: Annotated[float | None, Field(ge=1e-9, le=1)] = None
    """Peak learning rate of AdamW. Null: 3e-4 for a new model, 1e-5 for a base, 1e-4 for its adapters."""
    warmup_ratio: Share = 0.05
    """Share of the optimizer steps with a linear warmup from 0. A cosine decay to 0 follows."""
    weight_decay: Annotated[float, Field(ge=0, le=10)] = 0.01
    """Weight decay of AdamW."""
    max_grad_norm: Annotated[float, Field(ge=0, le=1e6)] = 1.0
    """Gradient norm above which gradients are clipped. 0 never clips."""
    batch_size: Annotated[int, Field(ge=1, le=65_536)] = 32
    """Solutions per optimizer step, independent of the micro-batches."""
    group_by: Literal["path", "problem", "none"] = "path"
    """Which solutions share an optimizer step, so that their common prefix is computed once: path
    (alternatives of one path), problem (all solutions of a problem; faster, but less mixed) or none."""
    tokens_per_batch: TokensPerBatch = 0
    """Tokens per micro-batch, padding included. 0 estimates what fits in memory, up to 8,192. Halved when
    memory runs out."""
    layout: Layout = "auto"
    """How rows are arranged in a micro-batch: padded, packed, or tree (common prefixes are computed
    once). Loss and gradient are the same. auto uses tree after checking it against padded on the run's
    own rows, and padded if the check fails."""
    evaluations: Annotated[int, Field(ge=0, le=1_000)] = 4
    """Evaluations on the validation examples during the run. The best weights are published."""
    checkpoint_seconds: Annotated[float, Field(ge=0, le=86_400)] = 60.0
    """Seconds between checkpoints."""
    seed: Seed = 0
    """Seed of the initial weights, the order of the examples and dropout."""
    device: Device = "auto"
    """auto uses a CUDA GPU if there is one."""
    bf16: bool = True
    """Compute in bfloat16 on GPUs that support it."""
    threads: Threads = 0
    """CPU threads. 0 leaves the choice to torch."""

    @property
    def peak_learning_rate(self) -> float:
        """The learning rate, or the default for what is trained. A rate that suits a new model ruins a
        pretrained one."""
        if self.learning_rate is not None:
            return self.learning_rate
        if self.base is None:
            return NEW_MODEL_RATE
        return ADAPTER_RATE if self.lora_rank else BASE_RATE

    @model_validator(mode="after")
    def _validate_base(self) -> Self:
        if self.revision is not None and self.base is None:
            raise ValueError("revision belongs to a base; there is none")
        if self.revision is not None and not HUB_ID.fullmatch(str(self.base)):
            raise ValueError("revision belongs to the ID of a model (ORG/NAME), not to a folder")
        if self.revision is not None and not COMMIT.fullmatch(self.revision):
            raise ValueError("revision must be the full hash of a commit, 40 hexadecimal digits")
        if self.label_tokens and (self.base is None or len(self.label_tokens) != 2):
            raise ValueError("label_tokens must be two words of a base: one for negative, one for positive")
        return self


class ScoreConfig(Config):
    """How a model scores solutions (Lightman et al. 2023, appendix F)."""

    aggregate: Aggregate = "product"
    """How the step probabilities become the solution score."""
    neutral_is_positive: bool = True
    """Whether p(neutral) counts as correct."""
    splits: Annotated[tuple[Split, ...], Field(strict=False, min_length=1)] = ("train", "validation", "test")
    """Splits whose solutions are scored."""
    tokens_per_batch: TokensPerBatch = 0
    """Tokens per micro-batch. 0 estimates what fits in memory, up to 16,384."""
    layout: Layout = "auto"
    """How rows are arranged in a micro-batch, as in training."""
    device: Device = "auto"
    """auto uses a CUDA GPU if there is one."""
    bf16: bool = True
    """Compute in bfloat16 on GPUs that support it."""
    threads: Threads = 0
    """CPU threads. 0 leaves the choice to torch."""
