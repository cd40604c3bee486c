"""The results of evaluations and comparisons, as they are stored and as the API answers with them."""

from __future__ import annotations

from typing import Literal

from app.core.api import Answer


class Curve(Answer):
    """A curve with its 95% interval over problems. All lists have a value for each N."""

    mean: list[float | None]
    """Means over problems, 0 to 1."""
    low: list[float | None]
    """Lower bounds of the intervals."""
    high: list[float | None]
    """Upper bounds of the intervals."""


class BestOfNCurves(Answer):
    """Accuracy by N."""

    best_of: Curve
    """Best-of-N: the solution with the highest score."""
    weighted: Curve | None = None
    """The answer with the largest sum of scores."""
    top_k: Curve | None = None
    """Majority vote of the k solutions with the highest scores."""
    majority: Curve | None = None
    """Majority vote of all solutions."""
    compute_optimal: Curve | None = None
    """The best method for each difficulty, chosen on other problems."""
    pass_at_n: Curve | None = None
    """A correct solution among N: the upper bound."""


class ScoreVariant(Curve):
    """Best-of-N with another solution score."""

    aggregate: str
    """How step probabilities become the score."""
    neutral_is_positive: bool | None
    """Whether p(neutral) counts as correct. Null for external scores."""
    main: bool
    """Whether it is the variant of the evaluation's config."""


class GroupCurves(Answer):
    """Accuracy on a group of problems."""

    by: str
    """What groups the problems: level, subject or a difficulty."""
    name: str
    """Name of the group."""
    problems: int
    """Problems of the group."""
    best_of: Curve
    """Best-of-N."""
    majority: list[float]
    """Majority vote, by N."""
    pass_at_n: list[float]
    """A correct solution among N, by N."""


class BestOfNReport(Answer):
    """How well the scores select a correct solution."""

    problems: int
    """Problems of the set with graded solutions."""
    solutions: int
    """Their solutions."""
    unscored: int
    """Solutions without a score; they rank last."""
    pass_at_1: float
    """Accuracy of a random pick, 0 to 1."""
    n: list[int]
    """Solutions per problem to select from."""
    with_n: list[int]
    """Problems with so many solutions, by N."""
    curves: BestOfNCurves
    """Accuracy by N."""
    ways: list[ScoreVariant]
    """Best-of-N with every solution score."""
    groups: list[GroupCurves]
    """Accuracy by level, subject and difficulty."""


class FirstErrorSubset(Answer):
    """First-error detection on solutions of one source."""

    name: str
    """The source."""
    f1: float | None
    """Harmonic mean of both accuracies. Null without solutions of both kinds."""
    on_wrong: float | None
    """Share of solutions with an error whose first error is predicted exactly."""
    on_right: float | None
    """Share of solutions without an error for which none is predicted."""
    wrong: int
    """Solutions with an error."""
    right: int
    """Solutions without an error."""
    low: float | None
    """Lower bound of F1's 95% interval."""
    high: float | None
    """Upper bound of F1's 95% interval."""
    thresholds: list[float]
    """Thresholds of the folds."""


class FirstErrorReport(Answer):
    """First-error detection (Zheng et al. 2024)."""

    f1: float | None
    """Mean F1 of the subsets. Null where no subset has one."""
    low: float | None
    """Lower bound of its 95% interval."""
    high: float | None
    """Upper bound of its 95% interval."""
    subsets: list[FirstErrorSubset]
    """By source."""
    threshold: float
    """The threshold that is best on all solutions."""
    solutions: int
    """Solutions with a known first error."""


class Reliability(Answer):
    """A reliability curve. Its lists have a value for each bin that is not empty."""

    claimed: list[float]
    """Mean predicted probability."""
    happened: list[float]
    """Observed rate."""
    steps: list[int]
    """Steps of the bin."""
    ece: float
    """Expected calibration error, 0 to 1."""


class ClassCalibration(Answer):
    """Calibration of one class."""

    name: str
    """Name of the class."""
    steps: int
    """Steps of the class."""
    before: Reliability
    """As predicted."""
    after: Reliability
    """After temperature scaling."""


class CalibrationReport(Answer):
    """Calibration of step probabilities."""

    steps: int
    """Labeled steps."""
    classes: list[ClassCalibration]
    """By class."""
    loss_before: float
    """Mean negative log likelihood as predicted, in nats."""
    loss_after: float
    """Mean negative log likelihood after temperature scaling, in nats."""
    temperatures: list[float]
    """Temperatures of the folds."""
    temperature: float
    """The temperature that is best on all steps."""


class ExcludedProblems(Answer):
    """Problems that the model has seen."""

    trained_on: int = 0
    """Problems excluded because the model was trained on them."""
    selected_on: int = 0
    """Problems of the set on which the checkpoint was selected; they count."""


class CoverageOut(Answer):
    """How many solutions have a score."""

    scored: int = 0
    """Solutions with a score."""
    solutions: int = 0
    """All of them."""
    unscored_problems: int = 0
    """Problems that best-of-N leaves out, because none of their solutions has a score."""
    mostly_missing: bool = False
    """Fewer than half of the solutions have a score."""


class Coverages(Answer):
    """How many graded and labeled solutions have a score."""

    graded: CoverageOut = CoverageOut()
    """Graded solutions, for best-of-N and votes."""
    labeled: CoverageOut = CoverageOut()
    """Labeled solutions, for first errors and calibration."""


class EvaluationResults(Answer):
    """Everything an evaluation measured."""

    excluded: ExcludedProblems = ExcludedProblems()
    """Problems that the model has seen."""
    coverage: Coverages | None = None
    """How many solutions have a score. Null for evaluations of older releases."""
    best_of_n: BestOfNReport | None
    """Selection of solutions. Null without graded solutions, or if most of them have no score."""
    first_error: FirstErrorReport | None
    """First-error detection. Null without labeled first errors."""
    calibration: CalibrationReport | None
    """Calibration. Null without labeled steps."""


class ComparedCurves(Answer):
    """Accuracy of both models by N."""

    first: Curve
    """Best-of-N of the first evaluation."""
    second: Curve
    """Best-of-N of the second evaluation."""
    majority: Curve
    """Majority vote."""
    pass_at_n: Curve
    """A correct solution among N."""


class PairedDifference(Curve):
    """The second minus the first, paired over problems."""

    better: list[float]
    """Share of the resamples in which the second is better, by N."""


class PickCounts(Answer):
    """Problems by which model picks a correct solution from all."""

    both: int
    """Both models."""
    first: int
    """Only the first."""
    second: int
    """Only the second."""
    neither: int
    """Neither model."""


class GroupDifference(Answer):
    """A difference at the largest N."""

    mean: float
    """The mean."""
    low: float
    """Lower bound of the 95% interval."""
    high: float
    """Upper bound of the 95% interval."""


class ComparedGroup(Answer):
    """Both models on a group of problems, at the largest N."""

    by: str
    """What groups the problems: level or subject."""
    name: str
    """Name of the group."""
    problems: int
    """Problems of the group."""
    first: float
    """Accuracy of the first, 0 to 1."""
    second: float
    """Accuracy of the second, 0 to 1."""
    difference: GroupDifference
    """The second minus the first."""


class ComparedBestOfN(Answer):
    """Selection of solutions by both models."""

    problems: int
    """Problems of both evaluations."""
    n: list[int]
    """Solutions per problem to select from."""
    curves: ComparedCurves
    """Accuracy by N."""
    difference: PairedDifference
    """The second minus the first, by N."""
    picks: PickCounts
    """Problems by which model picks a correct solution."""
    verdict: Literal["better", "worse", "unclear"]
    """Whether the second is better at the largest N; unclear if the interval contains 0."""
    groups: list[ComparedGroup]
    """By level and subject."""


class RankedSolution(Answer):
    """A solution that the models rank differently."""

    solution_id: int
    """The solution."""
    problem_id: int
    """Its problem."""
    verdict: str | None
    """Verdict of its final answer."""
    of: int
    """Solutions of the problem."""
    first_place: float
    """Rank by the first; 1 is the highest score."""
    second_place: float
    """Rank by the second."""
    first_score: float | None
    """Score by the first. Null without a score."""
    second_score: float | None
    """Score by the second. Null without a score."""
    apart: float
    """Difference of the ranks, 0 to 1."""


class ComparedFirstError(Answer):
    """First-error detection by one of the models."""

    f1: float | None
    """Mean F1 of the subsets."""
    low: float | None
    """Lower bound of its 95% interval."""
    high: float | None
    """Upper bound of its 95% interval."""
    solutions: int
    """Solutions with a known first error."""


class ComparisonResults(Answer):
    """Two evaluations on the same set, side by side."""

    best_of_n: ComparedBestOfN | None
    """Selection of solutions. Null if the evaluations have no such problem in common."""
    solutions: list[RankedSolution]
    """The solutions that the models rank most differently."""
    first_error: list[ComparedFirstError | None]
    """First-error detection by the first and by the second."""
    ece: list[dict[str, float] | None]
    """Expected calibration error by class, of the first and of the second."""
