"""Facts about a base model, recorded once when it is registered. Plain data; importable without torch."""

from __future__ import annotations

from app.common.config import Config


class BaseFacts(Config):
    """What people want to know of a base before they train it."""

    architecture: str
    """The class that config.json names, such as LlamaForCausalLM."""
    parameters: int
    """Parameters stored in the weight files; a tied output layer counts once."""
    dtype: str
    """The type of most stored weights, as safetensors writes it: F32, BF16, F16."""
    context: int | None = None
    """Longest input in tokens; None if config.json does not say."""
    vocabulary: int
    """Rows of the embedding."""
    tokenizer: str
    """Class of the tokenizer."""
    tied: bool
    """Whether input and output embeddings are the same weights."""
    chat_template: bool
    """Whether the tokenizer has a chat template."""
    license: str | None = None
    """SPDX ID or the name that the model's README gives."""
