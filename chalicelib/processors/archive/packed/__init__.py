"""Single compressed files: gzip, xz, bzip2, zstd, and a tar in one of them."""
