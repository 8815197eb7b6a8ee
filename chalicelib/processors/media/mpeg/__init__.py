"""MPEG without a file format of its own: streams that are cut into packets or frames."""
