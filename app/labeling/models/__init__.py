"""The tables of labeling."""

from app.labeling.models.control_tasks import ControlAnswer, ControlResult, LabelerStatus
from app.labeling.models.steps import RatingEvent, StepLabel, StepNote
from app.labeling.models.submissions import LabelExposure, PreviousSubmission, SubmissionReturn
from app.labeling.models.work import FINISH_REASONS, TASK_KINDS, Assignment, Task

__all__ = [
    "FINISH_REASONS",
    "TASK_KINDS",
    "Assignment",
    "ControlAnswer",
    "ControlResult",
    "LabelExposure",
    "LabelerStatus",
    "PreviousSubmission",
    "RatingEvent",
    "StepLabel",
    "StepNote",
    "SubmissionReturn",
    "Task",
]
