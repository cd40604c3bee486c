"""Password hashing with argon2id: a bounded number at a time, the same cost for unknown users."""

from __future__ import annotations

import threading

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from app.core.errors import Invalid

MIN_LENGTH, MAX_LENGTH = 10, 1000
_hasher = PasswordHasher()  # argon2id, the library's defaults (RFC 9106, low memory): 64 MiB, 3 passes
_hashing_slots = threading.BoundedSemaphore(2)  # 64 MiB each: a flood of logins must not take the memory
_dummy_hash = (
    "$argon2id$v=19$m=65536,t=3,p=4$hT5wTiuEsMJ4goFXvTyojw$Ko7qnyk1JbImXXNUilRhpyjj23BlBEbpDN3Yvdimruc"
)


def hash_password(password: str) -> str:
    """Hash a password. Raises Invalid if it is too short or too long."""
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        raise Invalid(
            f"The password needs at least {MIN_LENGTH} characters.",
            remedy="Four random words make a good password.",
        )
    with _hashing_slots:
        return _hasher.hash(password)


def verify_password(stored: str | None, password: str) -> bool:
    """Check a password. Without a stored hash it costs the same and returns False."""
    with _hashing_slots:
        try:
            return _hasher.verify(stored or _dummy_hash, password[:MAX_LENGTH]) and stored is not None
        except (VerificationError, InvalidHashError):
            return False
