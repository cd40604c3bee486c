"""PURE: a random order that needs no memory, for random samples of many rows."""

from __future__ import annotations

import hashlib


class Shuffle:
    """A pseudo-random order of the whole numbers first..last that needs no memory: a Feistel
    network over the next power of four, walked until it lands inside (Black and Rogaway
    2002, "Ciphers with arbitrary finite domains"). `at` and `place` undo each other, so a few
    can be drawn from ten million rows without reading them, and many can be sorted."""

    def __init__(self, first: int, last: int, seed: int) -> None:
        self.first, self.count, self.seed = first, last - first + 1, seed
        self.half = max(1, (max(1, (self.count - 1).bit_length()) + 1) // 2)
        self.mask = (1 << self.half) - 1

    def at(self, position: int) -> int:
        """The number at `position`, 0 to count - 1."""
        return self.first + self._walk(position, (0, 1, 2, 3))

    def place(self, number: int) -> int:
        """The position of `number`."""
        return self._walk(number - self.first, (3, 2, 1, 0), backwards=True)

    def _walk(self, value: int, rounds: tuple[int, ...], *, backwards: bool = False) -> int:
        while True:
            left, right = value >> self.half, value & self.mask
            for number in rounds:
                if backwards:
                    left, right = right ^ self._mix(left, number), left
                else:
                    left, right = right, left ^ self._mix(right, number)
            value = left << self.half | right
            if value < self.count:
                return value

    def _mix(self, value: int, which: int) -> int:
        digest = hashlib.blake2b(f"{self.seed}:{which}:{value}".encode(), digest_size=8).digest()
        return int.from_bytes(digest, "big") & self.mask
