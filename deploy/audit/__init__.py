"""`make audit`: secrets, and known weaknesses of packages and of the template."""
