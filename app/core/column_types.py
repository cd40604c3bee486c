"""Column types the models share."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

from sqlalchemy import BigInteger, DateTime, ForeignKey, Identity, SmallInteger, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

Key = Annotated[int, mapped_column(BigInteger, Identity(), primary_key=True)]
Created = Annotated[dt.datetime, mapped_column(DateTime(timezone=True), server_default=func.now())]
Moment = Annotated[dt.datetime, mapped_column(DateTime(timezone=True))]
Json = Annotated[dict[str, Any], mapped_column(JSONB, server_default="{}")]

STATE = "state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')"
RESULTS = "(state = 'succeeded') = (results IS NOT NULL)"


class RunColumns:
    """What every row of a run has whose process a worker watches. Each table adds the check `STATE`, and
    `RESULTS` where it keeps any."""

    id: Mapped[Key]
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id", ondelete="CASCADE"), index=True)
    state: Mapped[str] = mapped_column(server_default="queued", default="queued")
    attempt: Mapped[int] = mapped_column(SmallInteger, server_default="0", default=0)
    progress: Mapped[Json]
    error: Mapped[str | None]
    created_by: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    created_at: Mapped[Created]
    started_at: Mapped[Moment | None]
    heartbeat_at: Mapped[Moment | None]
    finished_at: Mapped[Moment | None]
