"""What the demo is shipped with is whole, of the world as it is defined now, and of use."""

from __future__ import annotations

import hashlib
import random
import threading
from collections import Counter

import pytest

from app.world import demo_data
from app.world.demo_data.world import Digits, fingerprint
from app.world.kinds.base import PosedProblem, final_answer

WORLD = Digits()


@pytest.fixture(scope="module")
def entries():
    return demo_data.load_entries()


def test_the_demo_data_fits_the_world_and_its_hashes():
    """If this fails, the world changed. Build the data again: python -m app.world.build_demo_data."""
    manifest = demo_data.manifest()
    assert manifest["world"] == fingerprint(WORLD)
    hashes = {
        name: hashlib.sha256((demo_data.FOLDER / name).read_bytes()).hexdigest()
        for name in manifest["sha256"]
    }
    assert hashes == manifest["sha256"]
    assert sum((demo_data.FOLDER / name).stat().st_size for name in hashes) < 1_000_000


def test_references_are_correct_and_verdicts_mixed(entries):
    for entry in entries:
        worked = WORLD.solve(PosedProblem(entry.statement, entry.answer), random.Random(0))  # noqa: S311
        assert set(WORLD.rate(PosedProblem(entry.statement, entry.answer), worked)) <= {0, 1}
    assert Counter(entry.split for entry in entries) == demo_data.manifest()["splits"]
    right = [final_answer(steps) == entry.answer for entry in entries for steps in entry.solutions]
    assert 0.3 * len(right) < sum(right) < 0.9 * len(right)


def test_an_incorrect_answer_has_a_negative_step(entries):
    for entry in entries[::5]:
        posed = PosedProblem(entry.statement, entry.answer)
        for steps in entry.solutions:
            assert (-1 in WORLD.rate(posed, steps)) or final_answer(steps) in (entry.answer, None)


def test_the_writer_continues_from_any_step(entries):
    from app.demo.demo_data import SAMPLED
    from app.generators.config import parse
    from app.generators.prompts import SampleRequest, parse_completion
    from app.generators.transformers_sampler import TransformersSampler

    config = parse(SAMPLED)
    model = TransformersSampler(demo_data.WRITER, config, threading.Event())
    entry = entries[0]
    worked = WORLD.solve(PosedProblem(entry.statement, entry.answer), random.Random(1))  # noqa: S311
    for begun, one_step in ((worked[:1], True), (worked[:-2], False)):
        ask = SampleRequest(entry.statement, tuple(begun), count=3, one_step=one_step)
        for text, finish in model.request(ask).texts:
            parsed = parse_completion(config, ask, text, finish)
            assert finish == "stop"
            assert all(set(step.split()) <= set(WORLD.words) for step in parsed.steps)
            assert one_step or parsed.answer == final_answer(parsed.steps)
