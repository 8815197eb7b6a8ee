"""Sounds with a container of their own: FLAC, MIDI, AIFF, AU, CAF, AMR."""
