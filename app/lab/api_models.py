"""The request bodies and answers of the JSON API of test-time search."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import ConfigDict, Field, model_validator

from app.common.config import Config
from app.core.api import MAX_ID, Answer, Page, RunAnswer, RunProgress
from app.evaluation.results import Curve, ExcludedProblems
from app.lab.config import SweepConfig
from app.lab.models import SearchRun
from app.search.config import SearchConfig

Id = Annotated[int, Field(gt=0, lt=MAX_ID)]


class SearchRequest(Config):
    """What to search. With problem_id: a search of one problem. Without: a budget sweep."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"model_id": 3, "generator_id": 1, "problem_id": 17, "config": {"method": "beam", "n": 16}}
            ]
        }
    )

    model_id: Id
    """The PRM that steers the search."""
    generator_id: Id
    """The generator that samples."""
    problem_id: Id | None = None
    """The problem of a single search. Null: a budget sweep over problems."""
    config: SearchConfig | SweepConfig = Field(default_factory=SearchConfig)
    """Options of the search, or of the sweep (docs/search.md)."""

    @model_validator(mode="before")
    @classmethod
    def _parse_config(cls, values: Any) -> Any:
        """Only the request tells which of the two configs it has."""
        if not isinstance(values, dict) or values.get("config", {}) is None:
            return values
        config: type[Config] = SweepConfig if values.get("problem_id") is None else SearchConfig
        return {**values, "config": config.parse(values.get("config", {}))}


class SearchCosts(Answer):
    """Counts of generated and scored steps and tokens."""

    steps: int = 0
    """Steps sampled."""
    tokens: int = 0
    """Tokens sampled."""
    rolled_steps: int = 0
    """Steps of lookahead rollouts, not included above."""
    rolled_tokens: int = 0
    """Tokens of lookahead rollouts, not included above."""
    asks: int = 0
    """Requests to the generator."""
    scored: int = 0
    """Prefixes scored."""
    scored_steps: int = 0
    """Steps of the scored prefixes."""
    unreadable: int = 0
    """Prefixes too long for the scorer."""
    empty: int = 0
    """Samples without new steps."""


class SearchProgress(RunProgress):
    """What a search does now."""

    round: int | None = None
    """Round of a single search."""
    costs: SearchCosts | None = None
    """Costs of a single search so far."""


class SearchOut(RunAnswer):
    """A search of one problem, or a budget sweep."""

    model_id: int
    """The PRM that steers the search."""
    generator_id: int
    """The generator that samples."""
    problem_id: int | None
    """The problem. Null for a budget sweep."""
    config: SearchConfig | SweepConfig
    """Options of the search or of the sweep."""
    progress: SearchProgress
    """What it does now."""


class SearchPage(Page):
    """Searches, newest first."""

    searches: list[SearchOut]
    """At most 100."""


class AnswerVote(Answer):
    """An answer with its votes."""

    answer: str
    """The answer; empty where a solution states none."""
    weight: float | None
    """Its weight."""
    count: int
    """Its votes."""
    solutions: list[int]
    """Nodes of its solutions, at most 50."""
    verdict: str | None
    """Verdict of the answer. Null without a reference answer."""


class SearchResults(Answer):
    """What a single search found."""

    chosen: int | None
    """Node of the selected solution. Null if no solution was finished."""
    verdict: str | None
    """Its verdict."""
    votes: list[AnswerVote]
    """Answers by weight, at most 50."""
    finished: int
    """Finished solutions."""
    costs: SearchCosts
    """Costs of the search."""
    read_tokens: int
    """Tokens that the PRM read."""
    parameters: int | None
    """Parameters of the PRM."""
    aggregate: str | None
    """How step probabilities became scores."""
    seconds: float | None = None
    """Duration."""


class DifficultyBin(Answer):
    """Accuracy on problems of similar difficulty."""

    bin: int
    """Number of the bin; 0 is the easiest."""
    problems: int
    """Its problems."""
    right: dict[str, list[float | None]]
    """Accuracy by budget, by strategy."""
    best: list[str | None]
    """The best strategy, by budget."""


class SweepResults(Answer):
    """What a budget sweep measured. Lists have a value for each budget."""

    problems: int
    """Problems measured."""
    budgets: list[int]
    """Budgets in solutions."""
    pass_at_1: float
    """Accuracy of a single sample, 0 to 1."""
    sample_tokens: float
    """Mean tokens of a sample."""
    curves: dict[str, Curve]
    """Accuracy, by strategy."""
    pass_at_n: Curve
    """A correct solution among N: the upper bound."""
    optimal: dict[str, Curve]
    """The best strategy for each difficulty, by kind of difficulty."""
    bins: dict[str, list[DifficultyBin]]
    """Accuracy by bin, by kind of difficulty."""
    tokens: dict[str, list[float | None]]
    """Mean tokens sampled, by strategy."""
    read: dict[str, list[float | None]]
    """Mean tokens read by the PRM, by strategy."""
    excluded: ExcludedProblems = ExcludedProblems()
    """Problems that the model has seen."""
    parameters: int | None = None
    """Parameters of the PRM."""
    generator_parameters: int | None = None
    """Parameters of the generator. Null where unknown."""


class SearchNode(Answer):
    """A node of a search tree: a prefix of steps."""

    former_names = {"kept": "continued"}  # noqa: RUF012  a ClassVar of the base

    id: int
    """Number of the node."""
    parent: int
    """Its parent; 0 is the root."""
    text: str
    """Its last step."""
    depth: int
    """Its number of steps."""
    finished: bool
    """Whether it is a complete solution."""
    subtree: int
    """Subtree of DVTS."""
    round: int
    """Round in which it was sampled."""
    drawn: int
    """How often it was sampled."""
    tokens: int
    """Tokens of its last step."""
    correct: float | None
    """p(correct) of its last step. Null where it was not scored."""
    score: float | None
    """Natural logarithm of its score."""
    rank: float | None
    """What it was ranked by: the score, or the score after a lookahead."""
    ahead: list[str]
    """Steps of its lookahead, at most 20."""
    continued: bool
    """Whether it was continued."""
    chosen: bool
    """Whether it is on the path of the selected solution."""


class SearchTree(Answer):
    """The tree of a single search so far."""

    nodes: list[SearchNode]
    """Its nodes without the root, at most 1,500."""
    left_out: int
    """Nodes that are not included."""


class SearchDetail(SearchOut):
    """A search with its tree and results."""

    tree: SearchTree | None
    """The tree of a single search. Null for a sweep, and before the first round."""
    results: SearchResults | SweepResults | None
    """The results, once it has succeeded."""


def build_search(run: SearchRun) -> SearchOut:
    return SearchOut.build(run, config=_parse_config(run))


def build_search_detail(run: SearchRun) -> SearchDetail:
    results: type[Answer] = SweepResults if run.problem_id is None else SearchResults
    parsed = None if run.results is None else results.model_validate(run.results)
    return SearchDetail.build(run, config=_parse_config(run), results=parsed)


def _parse_config(run: SearchRun) -> SearchConfig | SweepConfig:
    return (SweepConfig if run.problem_id is None else SearchConfig).parse(run.config)
