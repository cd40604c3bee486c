"""Every kind of run, imported once: a kind that is not named here is known to nobody."""

from app.evaluation import comparisons
from app.evaluation import runs as evaluation
from app.exchange import importer
from app.generators import runs as sampling
from app.lab import runs as search
from app.problems import grading_runs as grading
from app.quality import agreement_report as agreement
from app.scoring import runs as scoring
from app.selection import rounds
from app.simulation import runs as simulation
from app.training import runs as training

__all__ = [
    "agreement",
    "comparisons",
    "evaluation",
    "grading",
    "importer",
    "rounds",
    "sampling",
    "scoring",
    "search",
    "simulation",
    "training",
]
