"""Every method against everything that can happen, in exact fractions; and by hand."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from fractions import Fraction

import pytest

from app.common.config import ConfigError
from app.search.config import SearchConfig
from app.search.expansion import Expansion, derive_seed
from app.search.prefix_score import log_score
from app.search.protocols import Continuation, ContinuationRequest, Steps
from app.search.run_search import SearchResult, run_search
from tests.search import brute_force
from tests.search.tabular_world import (
    BRANCHES,
    CORRECT,
    Chances,
    Dictionary,
    Table,
    classes,
    ends,
    every_outcome,
)


def search_result(chances: Chances, **config: object) -> SearchResult:
    return run_search("?", SearchConfig.parse(config), Dictionary(chances), Table(), classes)


def chosen(**config: object) -> dict[Steps | None, Fraction]:
    """The solution chosen, with its exact probability."""

    def run(chances: Chances) -> Steps | None:
        node = search_result(chances, **config).chosen
        return None if node is None else node.steps

    return every_outcome(run)


AGGREGATES = ("product", "minimum", "last", "mean")


@pytest.mark.parametrize("aggregate", AGGREGATES)
@pytest.mark.parametrize("pick", ["weighted", "best", "majority"])
def test_best_of_n(aggregate: str, pick: str) -> None:
    for n in (1, 2) if aggregate == "mean" else (1, 3):
        ours = chosen(method="best_of_n", n=n, aggregate=aggregate, answer_selection=pick)
        assert ours == brute_force.best_of_n(n, aggregate, pick)


EVERY = [(3, 3, "product"), *((2, width, how) for width in (1, 2) for how in AGGREGATES)]


@pytest.mark.parametrize(("n", "width", "aggregate"), [*EVERY, (3, 1, "product")])
def test_beam_search(n: int, width: int, aggregate: str) -> None:
    ours = chosen(method="beam", n=n, beam_width=width, aggregate=aggregate)
    assert ours == brute_force.beam(n, width, 0, aggregate)


@pytest.mark.parametrize(
    ("n", "width", "k", "aggregate"),
    [(2, 2, k, how) for k in (0, 1, 2, 3) for how in ("last", "product")],
)
def test_lookahead(n: int, width: int, k: int, aggregate: str) -> None:
    ours = chosen(method="lookahead", n=n, beam_width=width, lookahead=k, aggregate=aggregate)
    assert ours == brute_force.beam(n, width, k, aggregate)


def test_four_beams_two_wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a tree with one branch less: 4,096 ways instead of 20,736."""
    monkeypatch.setitem(BRANCHES, (), {"a": Fraction(3, 5), "b": Fraction(2, 5)})
    config = {"n": 4, "beam_width": 2, "aggregate": "last"}
    assert chosen(method="beam", **config) == brute_force.beam(4, 2, 0, "last")
    assert chosen(method="lookahead", lookahead=1, **config) == brute_force.beam(4, 2, 1, "last")
    assert chosen(method="dvts", **config) == brute_force.dvts(4, 2, "last")


def test_a_lookahead_changes_what_is_kept() -> None:
    """Not an empty check of the one above: with the end of the rollout judged, another search."""
    none, lookahead = (
        chosen(method="lookahead", n=2, beam_width=2, lookahead=k, aggregate="last") for k in (0, 1)
    )
    assert none == chosen(method="beam", n=2, beam_width=2, aggregate="last") != lookahead


@pytest.mark.parametrize(("n", "width", "aggregate"), EVERY)
def test_dvts(n: int, width: int, aggregate: str) -> None:
    ours = chosen(method="dvts", n=n, beam_width=width, aggregate=aggregate)
    assert ours == brute_force.dvts(n, width, aggregate)


@pytest.mark.parametrize("rounds", [1, 2])
def test_rounds_that_run_out(rounds: int) -> None:
    """What is cut off has no voice, and where nothing else is there, nothing is chosen."""
    ours = chosen(method="beam", n=3, beam_width=3, rounds=rounds, aggregate="last")
    assert ours == brute_force.beam(3, 3, 0, "last", rounds)
    assert ours[None] > 0


class Scripted:
    """Draws what it is told to, in turn."""

    def __init__(self, *draws: str) -> None:
        self.draws = list(draws)
        self.calls: list[list[ContinuationRequest]] = []

    def propose(
        self, problem: str, asks: Sequence[ContinuationRequest], steps: int | None
    ) -> list[Continuation]:
        self.calls.append(list(asks))
        return [self._next(steps) for _ in asks]

    def _next(self, steps: int | None) -> Continuation:
        new_steps = tuple(part for part in self.draws.pop(0).split(" ") if part)
        assert steps is None or len(new_steps) <= steps
        return Continuation(new_steps, not new_steps or ends(new_steps[-1]), 5)


def test_beam_search_by_hand() -> None:
    """n = 4, M = 2, last step judged. Round 1 draws a a b =7; kept: b 0.7, a 0.6. Round 2: from b
    =5 0.75 and d 0.35, from a c 0.9 and =4 0.55; kept: ac, b=5, which is finished and keeps its
    place. Round 3: ac alone goes on, twice: =4 0.8, =5 0.3; kept: ac=4 and b=5. Over.
    Votes: 4 by a=4 0.55 and ac=4 0.8; 5 by b=5 0.75 and ac=5 0.3; 7 by 0.1."""
    proposer, table = Scripted("a", "a", "b", "=7", "=5", "d", "c", "=4", "=4", "=5"), Table()
    config = SearchConfig(method="beam", n=4, beam_width=2, aggregate="last")
    ours = run_search("?", config, proposer, table, classes)
    assert not proposer.draws
    assert [len(call) for call in proposer.calls] == [4, 4, 2], "the finished one is not continued"
    assert [ask.prefix for ask in proposer.calls[1]] == [("b",), ("b",), ("a",), ("a",)]
    assert ours.chosen is not None
    assert ours.chosen.steps == ("a", "c", "=4")
    votes = {vote.answer: (vote.count, pytest.approx(vote.weight)) for vote in ours.votes}
    assert votes == {0: (2, 1.35 / 2.5), 1: (2, 1.05 / 2.5), 3: (1, 0.1 / 2.5)}
    assert (ours.costs.asks, ours.costs.steps, ours.costs.tokens) == (10, 10, 50)
    assert ours.costs.scored == len(table.read) == 9, "a was drawn twice and read once"
    selected = {node.steps for node in ours.tree.nodes if node.selected}
    assert selected == {("a",), ("b",), ("a", "c"), ("b", "=5"), ("a", "c", "=4")}
    assert ours.tree.nodes[1].drawn == 2


def test_fewer_distinct_prefixes_share_the_draws() -> None:
    """All four first steps are a: one prefix, not two places in the beam with the same words. It is
    continued by all four draws."""
    proposer = Scripted("a", "a", "a", "a", "c", "c", "=4", "c", "=4", "=5", "=5", "=4")
    config = SearchConfig(method="beam", n=4, beam_width=2, aggregate="product")
    ours = run_search("?", config, proposer, Table(), classes)
    assert [[ask.prefix for ask in call] for call in proposer.calls[1:]] == [
        [("a",)] * 4,
        [("a", "c")] * 2,  # 0.54; a=4, 0.33, is finished and keeps the other place
    ]
    assert len({ask.seed for call in proposer.calls for ask in call}) == 4 + 4 + 2
    assert ours.chosen is not None


def test_every_node_is_judged_by_its_own_steps() -> None:
    """A parent's score is never taken for a child's."""
    ours = search_result(
        Chances([0, 1, 0, 0, 0, 1, 0, 1, 0, 1]), method="beam", n=4, beam_width=2, aggregate="last"
    )
    judged = [node for node in ours.tree.nodes if node.parent is not None]
    assert len(judged) > 4
    for node in judged:
        assert node.score == pytest.approx(math.log(CORRECT[node.steps]))
        assert node.correct == tuple(CORRECT[node.steps[:n]] for n in range(1, len(node.steps) + 1))


def test_the_end_of_the_rollout_is_what_is_judged() -> None:
    """After b the greedy step is d, 0.35; after a it is c, 0.9. Without lookahead b (0.7) is kept
    before a (0.6), with it a. The rollout is shown, and is no solution."""
    proposer, table = Dictionary(Chances([0, 1])), Table()
    config = SearchConfig(method="lookahead", n=2, beam_width=2, lookahead=1, rounds=1, aggregate="last")
    ours = run_search("?", config, proposer, table, classes)
    a, b = ours.tree.nodes[1:3]
    assert (a.lookahead_steps, b.lookahead_steps) == (("c",), ("d",))
    assert (a.rank, b.rank) == (pytest.approx(math.log(0.9)), pytest.approx(math.log(0.35)))
    assert (a.score, b.score) == (pytest.approx(math.log(0.6)), pytest.approx(math.log(0.7)))
    assert (a.selected, b.selected) == (True, False)
    assert table.read == [("a", "c"), ("b", "d")]
    assert ours.tree.finished() == []
    assert [ask.seed for ask in proposer.asked[2:]] == [None, None], "at temperature 0"


class Straight:
    """Solutions of exactly `length` steps, every step another."""

    def __init__(self, length: int) -> None:
        self.length, self.steps, self.rolled = length, 0, 0

    def propose(
        self, problem: str, asks: Sequence[ContinuationRequest], steps: int | None
    ) -> list[Continuation]:
        continuations = []
        for ask in asks:
            more = min(self.length - len(ask.prefix), steps or self.length)
            source = random.Random(ask.seed)  # noqa: S311
            is_complete = len(ask.prefix) + more == self.length
            new_steps = tuple(f"{source.random()}" for _ in range(more - is_complete))
            continuations.append(
                Continuation((*new_steps, "=4") if is_complete else new_steps, is_complete, 7 * more)
            )
            self.steps += 0 if ask.seed is None else more
            self.rolled += more if ask.seed is None else 0
        return continuations


class Digits:
    def score_prefixes(self, problem: str, prefixes: Sequence[Steps]) -> list[list[float]]:
        return [[0.5 if ends(step) else float(step) for step in prefix] for prefix in prefixes]


@pytest.mark.parametrize("method", ["best_of_n", "beam", "dvts"])
@pytest.mark.parametrize(("n", "width"), [(4, 1), (4, 4), (8, 2), (16, 4)])
def test_the_budget_is_what_is_generated(method: str, n: int, width: int) -> None:
    """n solutions' worth of steps, whatever the method (Snell et al. 2024, section 5.2)."""
    proposer = Straight(6)
    config = SearchConfig(method=method, n=n, beam_width=width)
    ours = run_search("?", config, proposer, Digits(), classes)
    assert config.budget == n
    assert ours.costs.steps == proposer.steps == n * 6
    assert ours.costs.tokens == n * 6 * 7
    assert ours.costs.rolled_steps == proposer.rolled == 0


@pytest.mark.parametrize("k", [0, 1, 3])
def test_the_budget_of_a_lookahead(k: int) -> None:
    """n (k + 1) solutions' worth at most: near the end there is less to roll out. Of 6 steps, the
    prefixes of 1 to 5 steps are followed by min(k, 6 - length) more."""
    proposer = Straight(6)
    config = SearchConfig(method="lookahead", n=8, beam_width=2, lookahead=k)
    ours = run_search("?", config, proposer, Digits(), classes)
    assert config.budget == 8 * (k + 1)
    assert ours.costs.steps == proposer.steps == 8 * 6
    expected = 8 * sum(min(k, 6 - length) for length in range(1, 6))
    assert ours.costs.rolled_steps == proposer.rolled == expected
    assert ours.costs.rolled_tokens == 7 * expected
    assert (ours.costs.steps + ours.costs.rolled_steps) / 6 <= config.budget


def test_n_is_all_n_and_in_no_order() -> None:
    """Best-of-n reads every sample: the best one may come last."""
    proposer = Scripted("=7", "=7", "b =5", "a c =4")
    config = SearchConfig(method="best_of_n", n=4, answer_selection="best", aggregate="last")
    ours = run_search("?", config, proposer, Table(), classes)
    assert ours.chosen is not None
    assert ours.chosen.steps == ("a", "c", "=4")
    assert [node.drawn for node in ours.tree.finished()] == [2, 1, 1]


def test_equal_samples_are_voices_equal_search_results_are_one() -> None:
    """7 three times (0.1 each) against 5 once, 0.75: not enough by weight, enough by number."""
    draws = ("=7", "=7", "=7", "b =5")
    for pick, answer in (("weighted", 1), ("majority", 3)):
        config = SearchConfig(method="best_of_n", n=4, answer_selection=pick, aggregate="last")
        assert run_search("?", config, Scripted(*draws), Table(), classes).votes[0].answer == answer
    beam = SearchConfig(method="beam", n=4, beam_width=4, answer_selection="majority", aggregate="last")
    ours = run_search("?", beam, Scripted("=7", "=7", "=7", "b", "=5", "=5", "d", "d"), Table(), classes)
    assert {vote.answer: vote.count for vote in ours.votes} == {3: 1, 1: 1}
    assert ours.votes[0].answer == 1, "a tie by number: the higher score"
    drawn = beam.replace(vote_by="samples")
    again = run_search("?", drawn, Scripted("=7", "=7", "=7", "b", "=5", "=5", "d", "d"), Table(), classes)
    assert {vote.answer: vote.count for vote in again.votes} == {3: 3, 1: 2}


def test_a_solution_dropped_from_the_beam_still_votes() -> None:
    """=7 ends at once and is never among the best; it was paid for."""
    ours = run_search(
        "?", SearchConfig(method="beam", n=2, beam_width=2, aggregate="last"),
        Scripted("=7", "b", "=5", "d"), Table(), classes,
    )  # fmt: skip
    assert {vote.answer for vote in ours.votes} == {1, 3}
    assert [node.selected for node in ours.tree.finished()] == [False, True]


def test_the_end_may_come_without_a_step() -> None:
    """Some generators say the end only when asked to go on: the prefix is the solution then."""
    proposer = Scripted("a", "b", "", "", "", "")
    correct = {("a",): 0.6, ("b",): 0.7}
    ours = run_search(
        "?", SearchConfig(method="beam", n=2, beam_width=1, aggregate="last"), proposer, Table(correct),
        lambda solutions: [0 for _ in solutions],
    )  # fmt: skip
    assert [(node.steps, node.score) for node in ours.tree.finished()] == [
        (("b",), pytest.approx(math.log(0.7))),
        (("a",), pytest.approx(math.log(0.6))),
    ]
    assert [node["text"] for node in ours.tree.as_json()] == ["a", "b", "", ""]
    assert proposer.draws == ["", ""]


def test_what_the_scorer_cannot_read_stands_last() -> None:
    """It is counted, has no weight, and no search breaks on it."""
    table = Table(unreadable=frozenset({("b",), ("a", "c", "=4")}))
    proposer = Scripted("b", "a", "c", "c", "=4", "=5")
    ours = run_search(
        "?", SearchConfig(method="beam", n=2, beam_width=2, aggregate="last"), proposer, table, classes
    )
    assert ours.costs.unreadable == 2
    assert {vote.answer: vote.weight for vote in ours.votes} == {1: 1.0, 0: 0.0}


def test_nothing_comes() -> None:
    class Silent:
        def propose(
            self, problem: str, asks: Sequence[ContinuationRequest], steps: int | None
        ) -> list[Continuation]:
            return [Continuation((), False, 3) for _ in asks]

    for method in ("best_of_n", "beam", "lookahead", "dvts"):
        ours = run_search("?", SearchConfig(method=method, n=4, beam_width=2), Silent(), Table(), classes)
        assert (ours.chosen, ours.votes) == (None, [])
        assert (ours.costs.empty, ours.costs.tokens) == (4, 12)


def test_no_answer_no_voice() -> None:
    config = SearchConfig(method="best_of_n", n=2, aggregate="last")
    ours = run_search(
        "?",
        config,
        Scripted("=7", "=5"),
        Table({**CORRECT, ("=5",): 0.4}),
        lambda solutions: [-1] * len(solutions),
    )
    assert ours.votes == []
    assert ours.chosen is None


class Seeded:
    """Draws by the ask's seed alone."""

    def __init__(self) -> None:
        self.seeds: list[int] = []

    def propose(
        self, problem: str, asks: Sequence[ContinuationRequest], steps: int | None
    ) -> list[Continuation]:
        return [self._continue_steps(ask, steps) for ask in asks]

    def _continue_steps(self, ask: ContinuationRequest, most: int | None) -> Continuation:
        assert ask.seed is not None
        self.seeds.append(ask.seed)
        source, new = random.Random(ask.seed), ()  # noqa: S311
        while (most is None or len(new) < most) and not (new and ends(new[-1])):
            options = BRANCHES[ask.prefix + new]
            new = (*new, source.choices(list(options), [float(weight) for weight in options.values()])[0])
        return Continuation(new, ends(new[-1]), len(new))


@pytest.mark.parametrize("method", ["best_of_n", "beam", "dvts"])
def test_a_seed_says_everything(method: str) -> None:
    config = SearchConfig(method=method, n=8, beam_width=2, seed=3)
    runs = [run_search("?", config, Seeded(), Table(), classes) for _ in range(2)]
    assert runs[0].tree.as_json() == runs[1].tree.as_json()
    trees = {
        str(
            run_search(
                "?", SearchConfig(method=method, n=8, beam_width=2, seed=seed), Seeded(), Table(), classes
            ).tree.as_json()
        )
        for seed in range(10)
    }
    assert len(trees) > 5


def test_every_draw_has_its_own_seed() -> None:
    for method in ("best_of_n", "beam", "dvts"):
        proposer = Seeded()
        run_search("?", SearchConfig(method=method, n=64, beam_width=4), proposer, Table(), classes)
        assert len(set(proposer.seeds)) == len(proposer.seeds) > 64 - 1
        assert all(0 <= seed < 2**31 for seed in proposer.seeds)
    assert derive_seed(0, 0, ("a",), 1) != derive_seed(0, 1, ("a",), 0)


def test_more_samples_begin_with_fewer() -> None:
    """The first 8 of 32 samples are those of a search of 8: curves over n are nested."""
    few, many = (
        run_search("?", SearchConfig(n=n, seed=5), Seeded(), Table(), classes).tree.finished()
        for n in (8, 32)
    )
    assert {node.steps for node in few} <= {node.steps for node in many}


def test_a_search_is_ended_by_whoever_listens() -> None:
    heard = []

    def stop_after_round(growing: Expansion) -> None:
        heard.append((growing.round, growing.costs.steps))
        if growing.round == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_search(
            "?",
            SearchConfig(method="beam", n=4, beam_width=2),
            Straight(6),
            Digits(),
            classes,
            stop_after_round,
        )
    assert heard == [(1, 4), (2, 8)]


def test_configs_that_make_no_sense() -> None:
    for wrong in (
        {"method": "mcts"},
        {"method": "beam", "n": 6, "beam_width": 4},
        {"n": 0},
        {"lookahead": -1},
        {"answer_selection": "first"},
        {"vote_by": "none"},
        {"aggregate": "sum"},
        {"rounds": 0},
        {"colour": 1},
    ):
        with pytest.raises(ConfigError):
            SearchConfig.parse(wrong)
    assert SearchConfig.parse({"method": "best_of_n", "n": 6}).budget == 6


def test_scores_by_hand() -> None:
    values = [0.5, 0.25, 0.8]
    assert log_score(values, "product") == pytest.approx(math.log(0.1))
    assert log_score(values, "minimum") == pytest.approx(math.log(0.25))
    assert log_score(values, "last") == pytest.approx(math.log(0.8))
    assert log_score(values, "mean") == pytest.approx(math.log(1.55 / 3))
    for wrong in (([], "product"), (values, "sum")):
        with pytest.raises(ValueError, match=r"score|aggregate"):
            log_score(*wrong)
