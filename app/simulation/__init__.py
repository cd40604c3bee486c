"""Whole generations of the loop in a world with an exact judge, before people's time is spent on a
policy. The fast form, without web or database, by the very functions that rounds use."""
