"""Compares selection policies over whole generations in a small world with exact ratings, by the functions
that rounds use and without a database. A flow test follows the same policies through the whole app."""
