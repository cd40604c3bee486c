"""The small language model that solves the problems of a world. It is trained on the corpus, but not long
enough for rare facts, so its errors are its own. PRM, ORM and selectors start from it."""
