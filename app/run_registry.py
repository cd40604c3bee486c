"""Every kind of run, imported once: a kind that is not named here is known to nobody."""

from app.training import runs as training

__all__ = ["training"]
