"""The steps of `make deploy`, one file each; `deploy/__main__.py` runs them in order."""
