"""How long a piece of work takes: what the scripts share."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable


def took(work: Callable[[], object], times: int = 5) -> float:
    """Median milliseconds."""
    milliseconds = []
    for _ in range(times):
        begun = time.perf_counter()
        work()
        milliseconds.append(1000 * (time.perf_counter() - begun))
    return statistics.median(milliseconds)
