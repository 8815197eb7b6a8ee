"""ZIP: the end record, the list of entries, and what is suspicious about them."""
