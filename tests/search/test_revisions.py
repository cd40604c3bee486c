"""Trajectories and chains of revisions, worked by hand; the distance against the textbook's table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.search.config import SearchConfig
from app.search.protocols import Continuation, ContinuationRequest, Steps
from app.search.revisions import budget_splits, build_trajectories, edit_distance
from app.search.run_search import SearchResult, run_search
from tests.search.tabular_world import CORRECT, Chances, Dictionary, Table, classes, ends


def textbook(first: str, second: str) -> int:
    row = list(range(len(second) + 1))
    for i, a in enumerate(first, 1):
        before, row[0] = row[0], i
        for j, b in enumerate(second, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (a != b))
    return row[-1]


text = st.text("ab=4\n", max_size=12)


@settings(max_examples=200, deadline=None)
@given(text, text)
def test_the_distance_is_the_textbooks(first: str, second: str) -> None:
    assert edit_distance((first,), (second,)) == textbook(first, second)


def test_steps_are_lines() -> None:
    assert edit_distance(("a", "b"), ("ab",)) == 1
    assert edit_distance(("2 + 2 = 5", "# Answer 5"), ("2 + 2 = 4", "# Answer 4")) == 2


RIGHT = ("2 + 2 = 4", "answer 4")
NEAR = ("2 + 2 = 5", "answer 5")
OTHERS = [("who knows", f"answer {number}{number}") for number in range(6, 10)]


def test_up_to_four_wrong_ones_and_the_last_is_the_closest() -> None:
    trajectories = [
        next(iter(build_trajectories([RIGHT], [*OTHERS[:2], NEAR, *OTHERS[2:]], seed=seed)))
        for seed in range(500)
    ]
    lengths = Counter(len(trajectory.wrong) for trajectory in trajectories)
    assert set(lengths) == {0, 1, 2, 3, 4}
    assert min(lengths.values()) > 60, "evenly: a hundred each"
    assert {trajectory.right for trajectory in trajectories} == {RIGHT}
    assert {trajectory.wrong[-1] for trajectory in trajectories if trajectory.wrong} == {NEAR}
    for trajectory in trajectories:
        assert len(set(trajectory.wrong)) == len(trajectory.wrong), "none twice"
    before = Counter(attempt for trajectory in trajectories for attempt in trajectory.wrong[:-1])
    assert set(before) == set(OTHERS)


def test_the_same_seed_the_same_trajectories() -> None:
    make = [list(build_trajectories([RIGHT, NEAR], OTHERS, seed=seed)) for seed in (1, 1, 2, 3, 4)]
    assert make[0] == make[1]
    assert any(trajectory != make[0] for trajectory in make[2:])


def test_few_wrong_ones_repetitions_and_none() -> None:
    for seed in range(20):
        assert [
            trajectory.right
            for trajectory in build_trajectories([RIGHT, RIGHT], [NEAR, NEAR, NEAR], seed=seed)
        ] == [RIGHT]
        assert all(
            len(trajectory.wrong) <= 1 for trajectory in build_trajectories([RIGHT], [NEAR, NEAR], seed=seed)
        )
    assert [trajectory.wrong for trajectory in build_trajectories([RIGHT], [], seed=0)] == [()]
    assert list(build_trajectories([], [NEAR], seed=0)) == []


def test_of_equally_close_ones_the_first() -> None:
    wrong = [("answer 6",), ("answer 5",)]
    trajectories = [
        next(iter(build_trajectories([("answer 4",)], wrong, seed=seed, most_wrong=1))) for seed in range(20)
    ]
    assert {trajectory.wrong for trajectory in trajectories} == {(), (wrong[0],)}


class Notebook:
    """Gives what is written down for it, and keeps what it was shown."""

    def __init__(self, *solutions: str) -> None:
        self.solutions = list(solutions)
        self.shown: list[list[list[Steps]]] = []

    def propose(
        self, problem: str, asks: Sequence[ContinuationRequest], steps: int | None
    ) -> list[Continuation]:
        raise AssertionError("a reviser writes whole solutions")

    def revise(
        self, problem: str, attempts: Sequence[Sequence[Steps]], seeds: Sequence[int]
    ) -> list[Continuation]:
        self.shown.append([list(trajectory) for trajectory in attempts])
        assert len(set(seeds)) == len(seeds)
        solutions = [tuple(self.solutions.pop(0).split()) for _ in attempts]
        return [Continuation(steps, bool(steps) and ends(steps[-1]), 3) for steps in solutions]


A, B, C, D = "a =4", "b =5", "a c =4", "=7"  # last step: 0.55, 0.75, 0.8, 0.1


def run(notebook: Notebook, chains: int, length: int, **more: object) -> SearchResult:
    options = {"method": "revisions", "n": chains * length, "beam_width": length, "aggregate": "last", **more}
    return run_search("?", SearchConfig.parse(options), notebook, Table(CORRECT | {("a", "c"): 0.9}), classes)


def test_in_parallel() -> None:
    """4: 0.55 + 0.8, 5: 0.75, 7: 0.1. The best of the 4s is a c =4. Each chain has one solution: chosen
    in two stages or at once is the same."""
    for stages in (True, False):
        notebook = Notebook(A, B, C, D)
        result = run(notebook, 4, 1, two_stage=stages)
        assert notebook.shown == [[[], [], [], []]]
        assert result.chosen is not None
        assert result.chosen.steps == ("a", "c", "=4")
        votes = [(vote.answer, round(vote.weight * 2.2, 6)) for vote in result.votes]
        assert votes == [(0, 1.35), (1, 0.75), (3, 0.1)]
        assert (result.costs.tokens, result.costs.asks) == (12, 4)


def test_in_sequence_each_sees_the_last_four_before_it() -> None:
    notebook = Notebook(D, A, B, D, C, D)
    result = run(notebook, 1, 6)
    steps = [tuple(trajectory.split()) for trajectory in (D, A, B, D, C, D)]
    assert notebook.shown == [[steps[max(0, turn - 4) : turn]] for turn in range(6)]
    assert result.chosen is not None
    assert result.chosen.steps == ("a", "c", "=4")
    assert result.tree.nodes[1].drawn == 3, "=7, three times, read once"
    assert result.costs.scored == 4


def test_in_two_stages() -> None:
    """Two chains of two. In the first 5 (0.75) beats 7 (0.1); in the second a c =4 with 0.8 beats a =4,
    but both say 4. Between the chains' best 0.8 beats 0.75. With b =5 and a =4 in both, every chain says
    5 (0.75 against 0.55), and so do all at once: 1.5 against 1.1. With a =4 twice in one chain and a
    c =4 dropped, 1.1 against 0.75 in all, but 0.55 against 0.75 between the chains."""
    assert run(Notebook(B, C, D, A), 2, 2).votes[0].answer == 0
    both = [run(Notebook(B, B, A, A), 2, 2, two_stage=stages).votes[0].answer for stages in (True, False)]
    assert both == [1, 1]
    split = ("b =5", "a =4", "=7", "a =4")
    assert run(Notebook(*split), 2, 2).votes[0].answer == 1
    assert run(Notebook(*split), 2, 2, two_stage=False, vote_by="samples").votes[0].answer == 0


def test_what_was_not_finished_has_no_voice_but_is_seen() -> None:
    notebook = Notebook("a c", D, "", D)
    result = run(notebook, 1, 4, two_stage=False, vote_by="samples")
    assert notebook.shown[1:] == [
        [[("a", "c")]],
        [[("a", "c"), ("=7",)]],
        [[("a", "c"), ("=7",)]],
    ]
    assert result.votes[0].count == 2
    assert (result.costs.tokens, result.costs.empty) == (12, 1)
    nothing = run(Notebook("", ""), 2, 1)
    assert (nothing.chosen, nothing.votes) == (None, [])


def test_only_a_reviser_revises() -> None:
    with pytest.raises(TypeError, match="revises"):
        run_search("?", SearchConfig(method="revisions"), Dictionary(Chances([])), Table(), classes)


def test_ways_to_split_a_budget() -> None:
    assert budget_splits(8) == [(8, 1), (4, 2), (2, 4), (1, 8)]
    assert budget_splits(1) == [(1, 1)]
    assert budget_splits(6) == [(6, 1), (3, 2)]


@pytest.mark.parametrize(("chains", "length"), budget_splits(16))
def test_the_budget_is_chains_times_length(chains: int, length: int) -> None:
    notebook = Notebook(*[A] * 16)
    result = run(notebook, chains, length)
    assert not notebook.solutions
    assert result.costs.asks == 16
    assert [(node.subtree, node.drawn) for node in result.tree.finished()] == [
        (number, length) for number in range(chains)
    ]
