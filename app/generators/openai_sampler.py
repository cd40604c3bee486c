"""Sampler for servers with the OpenAI API (chat/completions or completions), such as vLLM, SGLang and
llama.cpp.

Retries wait for Retry-After, or back off exponentially with jitter, so that rejected clients do not return
at the same moment. Responses are read up to a size limit and a time limit, and every field is validated.
The API key is removed from all messages."""

from __future__ import annotations

import datetime as dt
import email.utils
import json
import random
import threading
import time
from dataclasses import dataclass
from typing import Any

import httpx
import orjson

from app.generators import prompts
from app.generators.config import GeneratorConfig, parse
from app.generators.models import Generator
from app.generators.prompts import SampleRequest
from app.generators.sampler import Cost, SamplerError, SamplerRejected, SamplerResponse, SamplingStopped
from app.generators.url_policy import BadAddress, resolve_host
from app.settings import api_key

LARGEST = 32 * 1024 * 1024
LONGEST_WAIT = 60.0
LONGEST_ASKED = 600.0
"""Upper limit for Retry-After, in seconds."""
AGAIN = {408, 409, 425, 429, 500, 502, 503, 504, 529}
FOR_GOOD = {401, 403, 404, 405}


class RetryLater(Exception):
    """A temporary error: the request may work later."""

    def __init__(self, message: str, after: float | None = None) -> None:
        super().__init__(message)
        self.after = after


@dataclass
class OpenAISampler:
    base_url: str
    model: str
    key: str | None
    config: GeneratorConfig
    stopping: threading.Event

    def __post_init__(self) -> None:
        self.concurrency = self.config.concurrency
        self._mine = threading.local()
        self._all: list[httpx.Client] = []
        try:
            resolve_host(self.base_url)
        except BadAddress as error:
            raise SamplerRejected(str(error)) from error

    def request(self, ask: SampleRequest) -> SamplerResponse:
        cost = Cost()
        while True:
            begun = time.monotonic()
            cost.requests += 1
            try:
                response = self._once(ask)
            except RetryLater as error:
                cost.seconds += time.monotonic() - begun
                if cost.retries >= self.config.retries:
                    raise SamplerError(f"{error} ({cost.requests} attempts)", cost) from error
                self._wait(cost.retries, error.after)
                cost.retries += 1
                continue
            except SamplerError as error:
                cost.seconds += time.monotonic() - begun
                error.cost = cost
                raise
            cost.seconds += time.monotonic() - begun
            return self._answer(response, ask, cost)

    def close(self) -> None:
        for client in self._all:
            client.close()

    def _wait(self, retries: int, retry_after_s: float | None) -> None:
        wait = min(LONGEST_WAIT, self.config.backoff_s * 2**retries) * random.uniform(0.5, 1)  # noqa: S311
        if retry_after_s is not None:
            wait = min(LONGEST_ASKED, retry_after_s) + wait * 0.1
        if self.stopping.wait(wait):
            raise SamplingStopped

    def _once(self, ask: SampleRequest) -> Any:
        path = "chat/completions" if self.config.endpoint == "chat" else "completions"
        try:
            status, headers, body = self._post(f"{self.base_url}/{path}", self.body(ask))
        except httpx.TimeoutException as error:
            raise RetryLater(f"The server did not respond within {self.config.timeout_s:g} s.") from error
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise RetryLater(
                self._safe(f"Cannot reach the server: {error or type(error).__name__}.")
            ) from error
        if status == 200:
            try:
                return json.loads(body)  # not orjson, which refuses lone surrogates
            except (ValueError, RecursionError) as error:
                raise RetryLater("The response is not valid JSON, or is truncated.") from error
        message = self._safe(f"The server returned {status}: {_message(body)}")
        if status in AGAIN:
            raise RetryLater(message, retry_after(headers.get("retry-after"), dt.datetime.now(dt.UTC)))
        raise (SamplerRejected if status in FOR_GOOD else SamplerError)(message)

    def _post(self, url: str, body: dict[str, Any]) -> tuple[int, httpx.Headers, bytes]:
        """Redirects are not followed, because only the original URL was validated."""
        end, content = time.monotonic() + self.config.timeout_s, bytearray()
        with self._client().stream("POST", url, content=orjson.dumps(body)) as answer:
            for piece in answer.iter_bytes():
                content += piece
                if len(content) > LARGEST:
                    raise SamplerError(f"The response is larger than {LARGEST // 1024**2} MiB.")
                if time.monotonic() > end:
                    raise httpx.ReadTimeout("trickling")
            return answer.status_code, answer.headers, bytes(content)

    def _client(self) -> httpx.Client:
        """One client per thread, so that connections are reused without waiting."""
        if not hasattr(self._mine, "client"):
            headers = {"Content-Type": "application/json", "Accept-Encoding": "identity"}
            if self.key:
                headers["Authorization"] = f"Bearer {self.key}"
            self._mine.client = httpx.Client(
                headers=headers, timeout=self.config.timeout_s, follow_redirects=False, trust_env=False
            )
            self._all.append(self._mine.client)
        client: httpx.Client = self._mine.client
        return client

    def body(self, ask: SampleRequest) -> dict[str, Any]:
        config = self.config
        body: dict[str, Any] = {
            "model": self.model,
            "temperature": 0.0 if ask.greedy else config.temperature,
            "top_p": config.top_p,
            "max_tokens": config.step_tokens if ask.one_step else config.max_tokens,
            "n": ask.count,
        }
        if stop := prompts.stop_strings(config, ask.one_step):
            body["stop"] = stop
        if ask.seed is not None:
            body["seed"] = ask.seed
        prompt, begun = (
            prompts.build_prompt(config, ask.statement),
            prompts.continuation_prefix(config, ask.steps),
        )
        if config.endpoint == "completions":
            return {**body, "prompt": prompt + begun}
        system = [{"role": "system", "content": config.system}] if config.system else []
        messages = [*system, {"role": "user", "content": prompt}]
        if begun:
            messages.append({"role": "assistant", "content": begun})
            body |= {"continue_final_message": True, "add_generation_prompt": False}
        return {**body, "messages": messages}

    def _answer(self, response: Any, ask: SampleRequest, cost: Cost) -> SamplerResponse:
        choices = response.get("choices") if isinstance(response, dict) else None
        texts = [_text(choice) for choice in choices] if isinstance(choices, list) else []
        samples = [sample for sample in texts if sample is not None][: ask.count]
        usage = response.get("usage") if isinstance(response, dict) else None
        usage = usage if isinstance(usage, dict) else {}
        spent = [_count(usage.get(name)) for name in ("prompt_tokens", "completion_tokens")]
        cost.without_usage += None in spent
        cost.prompt_tokens, cost.completion_tokens = spent[0] or 0, spent[1] or 0
        if not samples:
            raise SamplerError("The response contains no text.", cost)
        return SamplerResponse(samples, cost)

    def _safe(self, message: str) -> str:
        message = prompts.clean_text(message)[:500]
        return message.replace(self.key, "[key]") if self.key else message


def open_sampler(generator: Generator, stopping: threading.Event) -> OpenAISampler:
    """With the API key from the environment. Raises SamplerRejected if it is missing."""
    key = api_key(generator.api_key_env) if generator.api_key_env else None
    if generator.api_key_env and not key:
        raise SamplerRejected(
            f"The worker's environment has no {generator.api_key_env}. Set it and restart the worker."
        )
    config = parse(generator.config)
    return OpenAISampler(generator.base_url or "", generator.model, key, config, stopping)


def _text(choice: Any) -> tuple[str, str] | None:
    if not isinstance(choice, dict):
        return None
    message = choice.get("message")
    text = message.get("content") if isinstance(message, dict) else choice.get("text")
    finish = "length" if choice.get("finish_reason") == "length" else "stop"
    return (text, finish) if isinstance(text, str) else None


def _count(value: Any) -> int | None:
    is_count = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**40
    return value if is_count else None


def _message(body: bytes) -> str:
    """The server's error message on one short line."""
    try:
        payload = json.loads(body)
        error = payload.get("error", payload.get("message", payload.get("detail")))
        text = error.get("message") if isinstance(error, dict) else error
        if isinstance(text, str):
            return " ".join(text.split())[:300]
    except (ValueError, RecursionError, AttributeError):
        pass
    return " ".join(body[:300].decode(errors="replace").split()) or "no message"


def retry_after(header: str | None, now: dt.datetime) -> float | None:
    """Seconds from either format of the Retry-After header; None if it is invalid."""
    if header is None:
        return None
    try:
        seconds = float(header)
    except ValueError:
        try:
            moment = email.utils.parsedate_to_datetime(header)
            moment = moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
            seconds = (moment - now).total_seconds()
        except (ValueError, TypeError):
            return None
    return max(0.0, seconds) if seconds == seconds else None
