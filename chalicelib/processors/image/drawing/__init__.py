"""Drawings: SVG, and metafiles that mostly have no size in pixels."""
