"""The desk's shortcuts: the key of each action, and a labeler's own keys, stored with the user."""

from __future__ import annotations

from app.accounts.models import User
from app.core.errors import Invalid
from app.labeling.ratings import BY_VALUE

ACTIONS = {
    **{rating.name: (rating.label, rating.key) for rating in BY_VALUE.values()},
    "down": ("Next step", "j"), "up": ("Previous step", "k"), "choose": ("Use this alternative", "c"),
    "undo": ("Undo", "u"), "submit": ("Submit", "Enter"), "note": ("Note", "n"),
    "bad_problem": ("Bad problem", "b"), "give_up": ("Give up", "g"), "instructions": ("Instructions", "i"),
    "source": ("Source", "s"), "help": ("Help", "?"),
}  # fmt: skip
"""Action of the desk -> its label and its default key."""
DEFAULT_KEYS = {action: key for action, (_, key) in ACTIONS.items()}
RESERVED_KEYS = {
    " ": "scrolls the page",
    "/": "searches the page in some browsers",
    "'": "searches the page in some browsers",
}


def get_shortcuts(user: User) -> dict[str, str]:
    """Action -> key: the defaults and the user's own keys."""
    return DEFAULT_KEYS | user.preferences.get("keys", {})


def save_shortcuts(user: User, typed: dict[str, str]) -> None:
    """An empty key restores the default. Only keys that differ from the defaults are stored."""
    keys = {action: typed.get(action, "") or default for action, default in DEFAULT_KEYS.items()}
    keys = {action: key if key == "Enter" else key.lower() for action, key in keys.items()}
    validate_shortcuts(keys)
    own = {action: key for action, key in keys.items() if key != DEFAULT_KEYS[action]}
    user.preferences = {**user.preferences, "keys": own}


def validate_shortcuts(keys: dict[str, str]) -> None:
    taken: dict[str, str] = {}
    for action, key in keys.items():
        label = ACTIONS[action][0]
        if key in RESERVED_KEYS:
            raise Invalid(
                f"“{label}” cannot use this key: it {RESERVED_KEYS[key]}.",
                remedy="Choose a letter, digit or symbol.",
            )
        if key == "Enter" and action != "submit":
            raise Invalid("Enter presses the focused button.", remedy=f"Choose another key for “{label}”.")
        if key != "Enter" and (len(key) != 1 or not key.isprintable()):
            raise Invalid(f"“{key}” is not a single key, for “{label}”.", remedy="Enter one character.")
        if key in taken:
            raise Invalid(
                f"“{taken[key]}” and “{label}” have the same key: {key}.",
                remedy="Choose another key for one.",
            )
        taken[key] = label
