"""Test-time search with a step verifier: best-of-N, beam search, lookahead, DVTS, revisions, and their cost.
PURE: the caller passes a proposer and a scorer (protocols.py)."""
