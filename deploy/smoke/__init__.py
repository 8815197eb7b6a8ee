"""`make smoke`: small test files go the whole way through a stage."""
