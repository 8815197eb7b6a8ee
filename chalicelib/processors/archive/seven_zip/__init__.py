"""7z: its headers, and the compressed streams in which headers are stored."""
