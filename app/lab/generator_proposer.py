"""A generator as the proposer of a search. Samples of one prefix share a request, and requests run
concurrently up to the limit of the generator.

Servers do not report whether a solution ended when a step delimiter stops them. A step is the last if it
contains a final answer. Otherwise the generator is asked to continue, and an empty reply ends it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from app.answers.extract import boxed, gsm8k_answer, under_heading
from app.generators import prompts
from app.generators.config import GeneratorConfig
from app.generators.prompts import UnusableSample
from app.generators.sampler import Sampler, SamplerError, SamplerResponse
from app.search.protocols import Continuation, ContinuationRequest, Steps
from app.search.revisions import build_prompt

Places = list[int]


class GeneratorProposer:
    """A `Proposer` (search/protocols.py)."""

    def __init__(self, sampler: Sampler, config: GeneratorConfig) -> None:
        self.sampler, self.config = sampler, config
        self.prompt_tokens = self.without_usage = 0
        self._workers = ThreadPoolExecutor(sampler.concurrency, "search")

    def close(self) -> None:
        self._workers.shutdown(wait=False, cancel_futures=True)

    def propose(
        self, problem: str, asks: Sequence[ContinuationRequest], steps: int | None
    ) -> list[Continuation]:
        slots: list[Continuation | None] = [None] * len(asks)
        jobs = list(self._together(problem, asks, steps))
        for (ask, places), answer in zip(
            jobs, self._workers.map(self._ask, [ask for ask, _ in jobs]), strict=True
        ):
            for place, drawn in zip(places, self._read(ask, answer, len(places)), strict=True):
                slots[place] = drawn
        continuations = [slot or Continuation((), False, 0) for slot in slots]
        if steps is not None and steps > 1:
            return self._further(problem, asks, continuations, steps)
        return continuations

    def revise(
        self, problem: str, attempts: Sequence[Sequence[Steps]], seeds: Sequence[int]
    ) -> list[Continuation]:
        """A `Reviser` (search/revisions.py). The prompt holds the problem and the previous attempts in the
        format of `stepmark export revision-data`."""
        asks = [
            prompts.SampleRequest(build_prompt(problem, seen), seed=seed)
            for seen, seed in zip(attempts, seeds, strict=True)
        ]
        answers = list(self._workers.map(self._ask, asks))
        return [self._read(ask, answer, 1)[0] for ask, answer in zip(asks, answers, strict=True)]

    def _together(
        self, problem: str, asks: Sequence[ContinuationRequest], steps: int | None
    ) -> Iterator[tuple[prompts.SampleRequest, Places]]:
        """Requests with the positions of their answers. Greedy requests of one prefix share one sample."""
        groups: dict[tuple[Steps, bool], Places] = {}
        for place, ask in enumerate(asks):
            groups.setdefault((ask.prefix, ask.seed is None), []).append(place)
        for (prefix, greedy), places in groups.items():
            size = len(places) if greedy else self.config.samples_per_request
            for start in range(0, len(places), size):
                chunk = places[start : start + size]
                count = 1 if greedy else len(chunk)
                seed = asks[chunk[0]].seed
                yield prompts.SampleRequest(problem, prefix, count, steps is not None, 0, seed, greedy), chunk

    def _ask(self, ask: prompts.SampleRequest) -> SamplerResponse:
        """Request the samples, and once more for those that are missing."""
        answer = self.sampler.request(ask)
        if len(answer.texts) < ask.count:
            rest = prompts.SampleRequest(
                ask.statement, ask.steps, ask.count - len(answer.texts), ask.one_step, 0, ask.seed, ask.greedy
            )
            more = self.sampler.request(rest)
            answer.texts += more.texts
            for name in ("prompt_tokens", "completion_tokens", "without_usage"):
                setattr(answer.cost, name, getattr(answer.cost, name) + getattr(more.cost, name))
        if not answer.texts:
            raise SamplerError("The generator returned no sample.")
        return answer

    def _read(self, ask: prompts.SampleRequest, answer: SamplerResponse, count: int) -> list[Continuation]:
        """Servers report tokens per request, so they are divided evenly among its samples."""
        self.prompt_tokens += answer.cost.prompt_tokens
        self.without_usage += answer.cost.without_usage
        share, rest = divmod(answer.cost.completion_tokens, len(answer.texts))
        drawn = [
            self._drawn(ask, text, finish, share + (place < rest))
            for place, (text, finish) in enumerate(answer.texts)
        ]
        if ask.greedy:  # one sample for all requests, with its tokens counted once
            return [
                drawn[0],
                *(Continuation(drawn[0].steps, drawn[0].finished, 0) for _ in range(count - 1)),
            ]
        return (drawn + [Continuation((), False, 0)] * count)[:count]

    def _drawn(self, ask: prompts.SampleRequest, text: str, finish: str, tokens: int) -> Continuation:
        try:
            sampled = prompts.parse_completion(self.config, ask, text, finish)
        except UnusableSample:
            return Continuation((), finish == "stop" and not text.strip(), tokens)
        if ask.one_step:
            return Continuation(tuple(sampled.steps), bool(self._answered(sampled.steps[0])), tokens)
        return Continuation(tuple(sampled.steps), finish == "stop", tokens)

    def _answered(self, step: str) -> str | None:
        return boxed(step) or under_heading(step) or gsm8k_answer(step)

    def _further(
        self, problem: str, asks: Sequence[ContinuationRequest], continuations: list[Continuation], steps: int
    ) -> list[Continuation]:
        """Continue a rollout step by step."""
        open_ones = [place for place, drawn in enumerate(continuations) if drawn.steps and not drawn.finished]
        if not open_ones:
            return continuations
        on = [
            ContinuationRequest(asks[place].prefix + continuations[place].steps, asks[place].seed)
            for place in open_ones
        ]
        for place, more in zip(open_ones, self.propose(problem, on, steps - 1), strict=True):
            before = continuations[place]
            continuations[place] = Continuation(
                before.steps + more.steps, more.finished, before.tokens + more.tokens
            )
        return continuations
