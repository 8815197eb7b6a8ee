"""`make smoke`: uploads small test files to a stage and waits for their outcomes."""
