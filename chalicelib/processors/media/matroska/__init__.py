"""Matroska and WebM, which are EBML documents."""
