"""Final answers of finished solutions, and which of them are equal. The search itself never uses the
reference answer, because it is not available at test time."""

from __future__ import annotations

from collections.abc import Sequence

from app.answers.extract import last_answer
from app.answers.grade import Prover, grade
from app.evaluation.answer_classes import answer_classes
from app.search.protocols import Steps


class AnswerGrader:
    """For one problem. `joint` is the step separator of the generator."""

    def __init__(self, joint: str, prover: Prover, reference: str | None) -> None:
        self.joint, self.prover, self.reference = joint, prover, reference

    def final_answer(self, steps: Steps) -> str | None:
        return last_answer(self.joint.join(steps))

    def answer_classes(self, solutions: Sequence[Steps]) -> list[int]:
        """Equal numbers for equal answers, -1 for no answer. The reference is not used."""
        answers = [self.final_answer(steps) for steps in solutions]
        return answer_classes(
            answers, ["incorrect" if answer is not None else None for answer in answers], self.prover
        )

    def verdict(self, steps: Steps) -> str | None:
        """The verdict of the project's grader. None if there is no reference answer."""
        return (
            None if self.reference is None else grade(self.reference, self.final_answer(steps), self.prover)
        )

    def grade_all(self, solutions: Sequence[Steps]) -> tuple[list[int], list[bool]]:
        """Answer classes, with class 0 for the correct answer, and whether each solution is correct."""
        answers = [self.final_answer(steps) for steps in solutions]
        verdicts = [self.verdict(steps) or "unparseable" for steps in solutions]
        return answer_classes(answers, verdicts, self.prover), [verdict == "correct" for verdict in verdicts]
