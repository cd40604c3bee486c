"""The final answers of what a search finished, and which of them are one answer. The reference is
not looked at while a search goes on: who searches at test time has none."""

from __future__ import annotations

from collections.abc import Sequence

from app.answers.extract import last_answer
from app.answers.grade import Prover, grade
from app.evaluation.answer_classes import answer_classes
from app.search.protocols import Steps


class AnswerGrader:
    """For one problem. `joint` is what stands between two steps of the generator's."""

    def __init__(self, joint: str, prover: Prover, reference: str | None) -> None:
        self.joint, self.prover, self.reference = joint, prover, reference

    def final_answer(self, steps: Steps) -> str | None:
        return last_answer(self.joint.join(steps))

    def answer_classes(self, solutions: Sequence[Steps]) -> list[int]:
        """Equal numbers for equal answers, -1 for none; as if all of them were wrong."""
        answers = [self.final_answer(steps) for steps in solutions]
        return answer_classes(
            answers, ["incorrect" if answer is not None else None for answer in answers], self.prover
        )

    def verdict(self, steps: Steps) -> str | None:
        """By the project's grader; null where there is no reference."""
        return (
            None if self.reference is None else grade(self.reference, self.final_answer(steps), self.prover)
        )

    def grade_all(self, solutions: Sequence[Steps]) -> tuple[list[int], list[bool]]:
        """Classes that know the right answer (0), and which solutions are right."""
        answers = [self.final_answer(steps) for steps in solutions]
        verdicts = [self.verdict(steps) or "unparseable" for steps in solutions]
        return answer_classes(answers, verdicts, self.prover), [verdict == "correct" for verdict in verdicts]
