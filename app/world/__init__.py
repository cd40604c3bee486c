"""Small reasoning worlds: problems with exact truth for every step, an exact judge, and a language model
that solves them and makes mistakes. Pure: no web, no database; torch only where the model is."""
