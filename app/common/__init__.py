"""Small pure pieces that every slice may use: no web, no database, no torch."""
