"""A small reasoning world: problems with exact truth for every step, a reasoner that makes
mistakes of its own, and an exact judge. Pure: no web, no database, no torch."""
