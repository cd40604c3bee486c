"""A generator as a proposer: what is asked together, what counts as the end, what is paid."""

from __future__ import annotations

import pytest

from app.generators.config import GeneratorConfig
from app.generators.prompts import SampleRequest as Request
from app.generators.sampler import Cost, SamplerResponse
from app.lab.generator_proposer import GeneratorProposer
from app.search.protocols import Continuation, ContinuationRequest


class ScriptedSampler:
    """Gives each request what is written down for its steps, over and over."""

    concurrency = 2

    def __init__(self, samples: dict[tuple[str, ...], list[tuple[str, str]]], most: int = 99) -> None:
        self.said, self.most = samples, most
        self.requests: list[Request] = []

    def request(self, ask: Request) -> SamplerResponse:
        self.requests.append(ask)
        texts = self.said[ask.steps]
        count = min(ask.count, self.most)
        return SamplerResponse(
            [texts[place % len(texts)] for place in range(count)], Cost(1, 0, 7, 10 * count + 1)
        )

    def close(self) -> None:
        """Nothing is held."""


def proposer(
    samples: dict[tuple[str, ...], list[tuple[str, str]]], most: int = 99, **config: object
) -> GeneratorProposer:
    generator_config = GeneratorConfig(endpoint="completions", samples_per_request=3, **config)  # type: ignore[arg-type]
    return GeneratorProposer(ScriptedSampler(samples, most), generator_config)


def test_samples_of_one_prefix_share_a_request_and_keep_their_order() -> None:
    generator = proposer({("a",): [("a1", "stop"), ("a2", "stop")], ("b",): [("b1", "stop")]})
    asks = [ContinuationRequest((name,), seed) for seed, name in enumerate("abaabaa")]
    continuations = generator.propose("?", asks, 1)
    assert [continuation.steps for continuation in continuations] == [
        ("a1",),
        ("b1",),
        ("a2",),
        ("a1",),
        ("b1",),
        ("a1",),
        ("a2",),
    ]
    requests = generator.sampler.requests  # type: ignore[attr-defined]
    assert sorted((request.steps, request.count, request.seed, request.one_step) for request in requests) == [
        (("a",), 2, 5, True), (("a",), 3, 0, True), (("b",), 2, 1, True),
    ]  # fmt: skip
    assert sum(continuation.tokens for continuation in continuations) == 31 + 21 + 21, (
        "nothing lost in sharing"
    )


def test_greedy_samples_of_one_prefix_are_drawn_once() -> None:
    generator = proposer({("a",): [("a1", "stop")]})
    continuations = generator.propose(
        "?",
        [
            ContinuationRequest(("a",), None),
            ContinuationRequest(("a",), 3),
            ContinuationRequest(("a",), None),
        ],
        1,
    )
    assert [continuation.tokens for continuation in continuations] == [11, 11, 0]
    assert [(continuation.greedy, continuation.count) for continuation in generator.sampler.requests] == [
        (True, 1),
        (False, 1),
    ]  # type: ignore[attr-defined]


def test_the_end_of_a_solution() -> None:
    """An answer in the step; nothing more to say. Not: a step cut off, or one that speaks of answers."""
    generator = proposer(
        {
            ("1",): [("so \\boxed{4}", "stop")],
            ("2",): [("#### 4", "stop")],
            ("3",): [("", "stop")],
            ("4",): [("", "length")],
            ("5",): [("the answer is: 4, or is it?", "stop")],
            ("6",): [("half a st", "length")],
        }
    )
    continuations = generator.propose("?", [ContinuationRequest((name,), 1) for name in "123456"], 1)
    assert [(continuation.steps, continuation.finished) for continuation in continuations] == [
        (("so \\boxed{4}",), True),
        (("#### 4",), True),
        ((), True),
        ((), False),
        (("the answer is: 4, or is it?",), False),
        (("half a st",), False),
    ]


def test_complete_and_truncated_solutions() -> None:
    generator = proposer({(): [("a\nb\n\\boxed{1}", "stop"), ("a\nb", "length")]})
    continuations = generator.propose("?", [ContinuationRequest((), 1), ContinuationRequest((), 2)], None)
    assert continuations == [
        Continuation(("a", "b", "\\boxed{1}"), True, 11),
        Continuation(("a", "b"), False, 10),
    ]
    assert generator.sampler.requests[0].one_step is False  # type: ignore[attr-defined]


def test_a_rollout_goes_step_by_step_until_the_end() -> None:
    samples = {
        ("a",): [("b", "stop")],
        ("a", "b"): [("\\boxed{1}", "stop")],
        ("c",): [("d", "stop")],
        ("c", "d"): [("e", "stop")],
    }
    generator = proposer(samples)  # type: ignore[arg-type]
    continuations = generator.propose(
        "?", [ContinuationRequest(("a",), None), ContinuationRequest(("c",), None)], 2
    )
    assert continuations == [Continuation(("b", "\\boxed{1}"), True, 22), Continuation(("d", "e"), False, 22)]
    assert generator.propose("?", [ContinuationRequest(("a",), None)], 5)[0].steps == ("b", "\\boxed{1}")


@pytest.mark.parametrize("most", [1, 2])
def test_missing_samples_are_requested_again(most: int) -> None:
    generator = proposer({(): [("x", "stop")]}, most)
    continuations = generator.propose(
        "?", [ContinuationRequest((), 1), ContinuationRequest((), 2), ContinuationRequest((), 3)], 1
    )
    got = [continuation for continuation in continuations if continuation.steps]
    assert len(got) == 2 * most if most < 2 else len(got) == 3
    assert sum(continuation.tokens for continuation in continuations) == sum(
        10 * min(r.count, most) + 1 for r in generator.sampler.requests
    )  # type: ignore[attr-defined]
