"""Test-time search with a step verifier: best-of-N, beam search, lookahead, DVTS; revisions; what
it costs. PURE: whoever continues a solution and whoever judges one are given (asking.py)."""
