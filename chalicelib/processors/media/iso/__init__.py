"""ISO media files: MP4, QuickTime, 3GPP, M4A. Reading begins in `movie`."""
