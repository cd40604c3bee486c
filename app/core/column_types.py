"""Column types the models share."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

from sqlalchemy import BigInteger, DateTime, Identity, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import mapped_column

Key = Annotated[int, mapped_column(BigInteger, Identity(), primary_key=True)]
Created = Annotated[dt.datetime, mapped_column(DateTime(timezone=True), server_default=func.now())]
Moment = Annotated[dt.datetime, mapped_column(DateTime(timezone=True))]
Json = Annotated[dict[str, Any], mapped_column(JSONB, server_default="{}")]

STATE = "state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')"
RESULTS = "(state = 'succeeded') = (results IS NOT NULL)"
