"""The desk's keys: what each does, and how a labeler sets their own (kept with the person)."""

from __future__ import annotations

from app.accounts.models import User
from app.core.errors import Invalid

ACTIONS = {
    "bad": ("Bad", "1"), "okay": ("Okay", "2"), "great": ("Great", "3"), "flag": ("Can’t tell", "f"),
    "down": ("Next step", "j"), "up": ("Step before", "k"), "choose": ("Go on with this candidate", "c"),
    "undo": ("Undo", "u"), "submit": ("Submit", "Enter"), "note": ("Note", "n"),
    "bad_problem": ("Bad problem", "b"), "give_up": ("Give up", "g"), "instructions": ("Instructions", "i"),
    "source": ("Source", "s"), "help": ("Help", "?"),
}  # fmt: skip
"""Action of static/desk/judging.js -> its words and the key it has at first."""
DEFAULT_KEYS = {action: key for action, (_, key) in ACTIONS.items()}
RESERVED_KEYS = {" ": "scrolls the page", "/": "searches the page in some browsers",
            "'": "searches the page in some browsers"}  # fmt: skip


def get_shortcuts(user: User) -> dict[str, str]:
    """Action -> key: the usual ones, their own laid over."""
    return DEFAULT_KEYS | user.preferences.get("keys", {})


def save_shortcuts(user: User, wanted: dict[str, str]) -> None:
    """Empty: the usual key. Only what differs is kept."""
    keys = {action: wanted.get(action, "") or usual for action, usual in DEFAULT_KEYS.items()}
    keys = {action: key if key == "Enter" else key.lower() for action, key in keys.items()}
    validate_shortcuts(keys)
    own = {action: key for action, key in keys.items() if key != DEFAULT_KEYS[action]}
    user.preferences = {**user.preferences, "keys": own}


def validate_shortcuts(keys: dict[str, str]) -> None:
    taken: dict[str, str] = {}
    for action, key in keys.items():
        words = ACTIONS[action][0]
        if key in RESERVED_KEYS:
            raise Invalid(
                f"The key for “{words}” {RESERVED_KEYS[key]}.",
                remedy="Take a letter, a digit or another sign.",
            )
        if key == "Enter" and action != "submit":
            raise Invalid("Enter presses the button in focus.", remedy=f"Take another key for “{words}”.")
        if key != "Enter" and (len(key) != 1 or not key.isprintable()):
            raise Invalid(
                f"“{key}” is not one key, for “{words}”.", remedy="Type the one sign that the key writes."
            )
        if key in taken:
            raise Invalid(
                f"“{taken[key]}” and “{words}” have the same key: {key}.", remedy="Give one of them another."
            )
        taken[key] = words
