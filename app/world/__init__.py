"""Small reasoning worlds: problems with exact ratings of every step, and a small language model that solves
them with natural errors. Pure: no web, no database; torch only for the model."""
