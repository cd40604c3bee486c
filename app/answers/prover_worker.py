"""A process that compares two answers, a pair a line on standard input, and can be killed at any moment.
It bounds itself before it reads anything: memory, processor time, no files, no further processes."""

from __future__ import annotations

import json
import resource
import sys

MEMORY = 512 << 20
PROCESSOR_SECONDS = 600  # over all pairs; the parent's clock bounds each
RECURSION = 2000


def main() -> None:
    from app.answers.algebra import SympyAlgebra
    from app.answers.compare import compare

    algebra = SympyAlgebra()
    compare("\\frac{x}{2}", "0.5 x", algebra)  # loads what the first pair would wait for
    _bound()
    print("ready", flush=True)
    for line in sys.stdin:
        reference, answer = json.loads(line)
        try:
            result = compare(reference, answer, algebra)
        except (Exception, RecursionError, MemoryError):
            result = None
        print(json.dumps(result), flush=True)


def _bound() -> None:
    sys.setrecursionlimit(RECURSION)
    for limit, most in (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_CPU, PROCESSOR_SECONDS),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NPROC, 0),  # the system does not hold root to this one
    ):
        hard = resource.getrlimit(limit)[1]
        bound = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(limit, (bound, bound))


if __name__ == "__main__":
    main()
