"""Placeholder until the neighbours land."""

from __future__ import annotations

import importlib


class Lazy:
    def __init__(self, name):
        self._name = name

    def __getattr__(self, key):
        return getattr(importlib.import_module(self._name), key)
