"""The worker's root: every slice's tasks, one process that runs them."""

from __future__ import annotations
