"""A process that asks math-verify, one question a line on standard input, and can be killed
at any moment. It bounds itself before it reads anything: memory, processor time, no files,
no further processes.

Only math-verify's LaTeX parser is used (an ANTLR grammar). Its expression parser and
sympy's `parse_expr` and `sympify` evaluate text as Python and are never given an answer."""

from __future__ import annotations

import json
import resource
import sys
from typing import Any

MEMORY = 512 << 20
PROCESSOR_SECONDS = 600  # over all questions; each is bounded by the parent's clock
DECIMAL_TOLERANCE = 1e-6
EXACT_DIGITS = 50


def main() -> None:
    from math_verify import parse, verify  # type: ignore[import-untyped]
    from math_verify.parser import LatexExtractionConfig  # type: ignore[import-untyped]

    _bound()
    settings = [LatexExtractionConfig()]
    print("ready", flush=True)
    for line in sys.stdin:
        reference, answer = json.loads(line)
        try:
            left, right = (
                parse(f"${each}$", settings, fallback_mode="no_fallback", parsing_timeout=None)
                for each in (reference, answer)
            )
            found = _equal(left, right, reference, answer, verify) if left and right else None
        except (Exception, RecursionError, MemoryError):
            found = None
        print(json.dumps(found), flush=True)


def _bound() -> None:
    sys.setrecursionlimit(2000)
    for what, most in (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_CPU, PROCESSOR_SECONDS),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(what)[1]
        bound = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (bound, bound))


def _equal(left: list[Any], right: list[Any], reference: str, answer: str, verify: Any) -> bool:
    if not (
        verify(left, right, timeout_seconds=None, raise_on_error=False)
        or verify(right, left, timeout_seconds=None, raise_on_error=False)
    ):
        return False
    return not _differ(left[0], right[0], "." in reference or "." in answer)


def _differ(one: Any, other: Any, decimal: bool) -> bool:
    """Two numbers that are called equal and are not: compared with 50 digits, and with six
    only where one of them was written as a decimal."""
    if not (getattr(one, "is_number", False) and getattr(other, "is_number", False)):
        return False
    a, b = one.evalf(EXACT_DIGITS), other.evalf(EXACT_DIGITS)
    if not (a.is_number and b.is_number) or a == b:
        return False
    size = max(abs(a), abs(b))
    return bool(abs(a - b) > size * (DECIMAL_TOLERANCE if decimal else 10**-30))


if __name__ == "__main__":
    main()
