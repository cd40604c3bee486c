"""The small language model that solves a world's problems: it reads the corpus, is stopped before it
knows the rarer facts, and writes. Its mistakes are its own. PRM, ORM and selector start from it."""
