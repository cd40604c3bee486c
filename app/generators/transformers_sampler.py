"""Sampler for a language model in a local folder, with transformers. Only sampling processes load it.

Only safetensors, configuration and tokenizer files of the folder are read, never code. Requests are processed
sequentially, each as one batch."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, StoppingCriteria

from app.generators import prompts
from app.generators.config import GeneratorConfig, parse
from app.generators.models import Generator
from app.generators.prompts import SampleRequest
from app.generators.sampler import Cost, SamplerError, SamplerRejected, SamplerResponse, SamplingStopped
from app.prm.checkpoint_safety import BadCheckpoint, open_model_folder, validate_folder
from app.prm.plain_text import contains_control_token, encode_template, placeholder


class TransformersSampler:
    def __init__(self, folder: Path, config: GeneratorConfig, stopping: threading.Event) -> None:
        self.config, self.stopping, self.concurrency = config, stopping, 1
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        try:
            validate_folder(folder)
            with open_model_folder(folder) as view:
                self.tokenizer = AutoTokenizer.from_pretrained(view, trust_remote_code=False)
                loaded: Any = AutoModelForCausalLM.from_pretrained(
                    view, trust_remote_code=False, use_safetensors=True, dtype="auto"
                )
            self.model = loaded.to(self.device).eval()
        except (BadCheckpoint, OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
            raise SamplerRejected(f"Cannot load the model: {error}") from error
        if self.config.endpoint == "chat" and not self.tokenizer.chat_template:
            raise SamplerRejected("The model has no chat template. Use the completions endpoint.")
        room = getattr(self.model.config, "max_position_embeddings", None)
        self.room = int(room) if isinstance(room, int) else 1 << 20

    def request(self, ask: SampleRequest) -> SamplerResponse:
        if self.stopping.is_set():
            raise SamplingStopped
        begun = time.monotonic()
        ids = torch.tensor([self.encode(ask)], device=self.device)
        longest = self.config.step_tokens if ask.one_step else self.config.max_tokens
        most = min(longest, self.room - ids.shape[1])
        if most < 1:
            raise SamplerError(
                f"The problem has {ids.shape[1]} tokens; the context of the model has {self.room}."
            )
        ends = prompts.stop_strings(self.config, ask.one_step)
        if ask.seed is not None:
            torch.manual_seed(ask.seed)
        with torch.inference_mode():
            out = self.model.generate(
                input_ids=ids,
                attention_mask=torch.ones_like(ids),
                max_new_tokens=most,
                num_return_sequences=ask.count,
                pad_token_id=self._pad(),
                stopping_criteria=[
                    _StopRequested(self.stopping),
                    _StopStringSeen(ends, self.tokenizer, ids.shape[1]),
                ],
                **self._how(ask.greedy),
            )
        if self.stopping.is_set():
            raise SamplingStopped
        rows = out[:, ids.shape[1] :].tolist()
        texts = [self._read(row, ends, most) for row in rows]
        new = sum(tokens for _, _, tokens in texts)
        cost = Cost(1, 0, ids.shape[1], new, 0, time.monotonic() - begun)
        return SamplerResponse([(text, finish) for text, finish, _ in texts], cost)

    def close(self) -> None:
        """The memory is released when the process ends."""

    def encode(self, ask: SampleRequest) -> list[int]:
        """The tokens of the request. Special tokens of the template and the prompt count; those that the
        problem or a step contains as characters are plain text."""
        special = self.config.endpoint != "chat"
        contents = [ask.statement, *ask.steps]
        if not contains_control_token(self.tokenizer, contents):
            return list(self.tokenizer(self._text(ask), add_special_tokens=special)["input_ids"])
        marked = replace(
            ask,
            statement=placeholder(0),
            steps=tuple(placeholder(index) for index in range(1, len(contents))),
        )
        pieces = encode_template(self.tokenizer, self._text(marked), contents)
        ids = [token for _, tokens in pieces for token in tokens]
        opening = list(self.tokenizer("", add_special_tokens=special)["input_ids"])
        return [*opening, *ids] if opening[-1:] != [self.tokenizer.eos_token_id] else ids

    def _text(self, ask: SampleRequest) -> str:
        prompt, begun = (
            prompts.build_prompt(self.config, ask.statement),
            prompts.continuation_prefix(self.config, ask.steps),
        )
        if self.config.endpoint == "completions":
            return prompt + begun
        system = [{"role": "system", "content": self.config.system}] if self.config.system else []
        messages = [*system, {"role": "user", "content": prompt}]
        opened = self.tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
        return str(opened) + begun

    def _how(self, greedy: bool) -> dict[str, Any]:
        """Temperature 0 means greedy decoding: all samples are equal."""
        if greedy or self.config.temperature == 0:
            return {"do_sample": False, "temperature": None, "top_p": None, "top_k": None}
        sampling = {"do_sample": True, "temperature": self.config.temperature, "top_k": 0}
        return {**sampling, "top_p": self.config.top_p}

    def _pad(self) -> int:
        for token in (self.tokenizer.pad_token_id, self.tokenizer.eos_token_id):
            if isinstance(token, int):
                return token
        return 0

    def _read(self, row: list[int], ends: list[str], most: int) -> tuple[str, str, int]:
        """The text without the stop sequence, its finish reason, and its number of tokens."""
        stop = self.model.generation_config.eos_token_id
        final = {stop} if isinstance(stop, int) else set(stop or ())
        at = next((place for place, token in enumerate(row) if token in final), None)
        tokens = row[:at]
        while at is None and tokens and tokens[-1] == self.tokenizer.pad_token_id:
            tokens = tokens[:-1]  # another sample of the batch went on
        text = str(self.tokenizer.decode(tokens, skip_special_tokens=True))
        ends_at = [place for place in (text.find(end) for end in ends) if place >= 0]
        if ends_at:
            return text[: min(ends_at)], "stop", len(tokens)
        return text, "stop" if at is not None else "length", len(tokens)


def open_sampler(generator: Generator, stopping: threading.Event) -> TransformersSampler:
    """Loads the model. Raises SamplerRejected if it cannot."""
    return TransformersSampler(Path(generator.model), parse(generator.config), stopping)


class _StopRequested(StoppingCriteria):
    """Ends generation when the process is asked to stop."""

    def __init__(self, stopping: threading.Event) -> None:
        self.stopping = stopping

    def __call__(self, input_ids: torch.Tensor, scores: Any, **_: Any) -> Any:
        return torch.full((input_ids.shape[0],), self.stopping.is_set(), device=input_ids.device)


class _StopStringSeen(StoppingCriteria):
    """Ends a sample whose decoded text contains a stop sequence. The stop_strings of transformers need a
    tokenizer that can encode any text."""

    def __init__(self, ends: list[str], tokenizer: Any, start: int) -> None:
        self.ends, self.tokenizer, self.start = ends, tokenizer, start
        self.tail = 4 + max((len(end.encode()) for end in ends), default=0)
        """Tokens that may contain the end of a stop sequence: a token has at least one byte."""

    def __call__(self, input_ids: torch.Tensor, scores: Any, **_: Any) -> Any:
        ended = torch.zeros(input_ids.shape[0], dtype=torch.bool, device=input_ids.device)
        if self.ends:
            tails = input_ids[:, max(self.start, input_ids.shape[1] - self.tail) :]
            for row, text in enumerate(self.tokenizer.batch_decode(tails, skip_special_tokens=True)):
                ended[row] = any(end in text for end in self.ends)
        return ended
