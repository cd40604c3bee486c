"""All runs of a project: one list, one page and one API to cancel and resume them."""
