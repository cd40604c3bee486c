"""Every model, imported once: what Alembic compares the database with."""

from app.accounts import models as accounts
from app.core import run_models as runs
from app.core.db import Base
from app.evaluation import models as evaluation
from app.exchange import models as exchange
from app.explorer import models as explorer
from app.generators import models as generators
from app.lab import models as lab
from app.labeling import models as labeling
from app.problems import models as problems
from app.projects import models as projects
from app.quality import models as quality
from app.scoring import models as scoring
from app.selection import models as selection
from app.simulation import models as simulation
from app.training import models as training

__all__ = [
    "Base",
    "accounts",
    "evaluation",
    "exchange",
    "explorer",
    "generators",
    "lab",
    "labeling",
    "problems",
    "projects",
    "quality",
    "runs",
    "scoring",
    "selection",
    "simulation",
    "training",
]
