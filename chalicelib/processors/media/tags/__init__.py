"""Titles, artists and albums: ID3, Vorbis comments, and texts of unknown encoding."""
