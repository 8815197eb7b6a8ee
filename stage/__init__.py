"""A stage as its files in `.chalice` describe it. Both `deploy` and `local` read it."""
