"""Every model, imported once: what Alembic compares the database with."""

from app.accounts import models as accounts
from app.core.db import Base
from app.evaluation import models as evaluation
from app.exchange import models as exchange
from app.labeling import beside
from app.labeling import models as labeling
from app.problems import models as problems
from app.projects import models as projects
from app.scoring import models as scoring
from app.selection import models as selection
from app.training import models as training

__all__ = [
    "Base",
    "accounts",
    "beside",
    "evaluation",
    "exchange",
    "labeling",
    "problems",
    "projects",
    "scoring",
    "selection",
    "training",
]
