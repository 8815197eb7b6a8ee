"""MPEG streams without a container: packets or frames."""
