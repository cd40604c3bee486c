"""What is written is drawn from the model: as often as it holds it likely, and repeatably."""

from __future__ import annotations

import math
from collections import Counter
from itertools import pairwise

import pytest
import torch

from app.prm.encoding import Encoder
from app.world import demo_data
from app.world.writer.model import LINE, LONGEST, RIGHT, WRONG, Writer
from app.world.writer.sample import sample_solutions

TEMPERATURE = 1.3
"""High, so that many solutions are likely."""
EACH = 3000


@pytest.fixture(scope="module")
def writer():
    return Writer.load(demo_data.WRITER)


@pytest.fixture(scope="module")
def statements():
    """Of two lengths, so that they are written in more than one go."""
    statements = sorted((entry.statement for entry in demo_data.load_entries()), key=len)
    return [statements[0], statements[-1], statements[1]]


def likely(writer: Writer, statement: str, steps: tuple[str, ...]) -> float:
    """That just this is written, by reading it once whole, without cache or branches."""
    vocabulary = writer.tokenizer.get_vocab()
    row = Encoder(writer.tokenizer, LONGEST).encode(statement, steps)
    ids = [*row.ids, writer.tokenizer.eos_token_id]
    with torch.no_grad():
        logits = writer.logits(writer.body(input_ids=torch.tensor([ids])).last_hidden_state[0]) / TEMPERATURE
    logits[:, [vocabulary[word] for word in ("<pad>", "<s>", "<unk>", RIGHT, WRONG)]] = -torch.inf
    logs = logits.log_softmax(1)
    return math.exp(sum(float(logs[at - 1, ids[at]]) for at in range(row.start, len(ids))))


def test_solutions_are_sampled_with_their_probability(writer, statements):
    samples = sample_solutions(writer, statements, EACH, 5, temperature=TEMPERATURE)

    for statement, solutions in zip(statements, samples, strict=True):
        counts = Counter(tuple(steps) for steps in solutions)
        assert counts.total() == EACH
        assert len(counts) > 20, "there is something to tell apart"
        for steps, count in counts.most_common(8):
            chance = likely(writer, statement, steps)
            spread = math.sqrt(EACH * chance * (1 - chance))
            assert abs(count - EACH * chance) < 4.5 * spread + 1, (statement, steps, count, EACH * chance)


def test_samples_are_independent_and_repeatable(writer, statements):
    first = sample_solutions(writer, statements, 40, 5, temperature=TEMPERATURE)

    assert first == sample_solutions(writer, statements, 40, 5, temperature=TEMPERATURE)
    assert first != sample_solutions(writer, statements, 40, 6, temperature=TEMPERATURE)
    for solutions in first:
        changes = sum(first != other for first, other in pairwise(solutions))
        assert changes > 5, "in no order"


def test_endless_solutions_are_truncated(writer, statements):
    for solutions in sample_solutions(writer, statements, 5, 0, most=7):
        for steps in solutions:
            assert len(f" {LINE} ".join(steps).split(" ")) <= 7
