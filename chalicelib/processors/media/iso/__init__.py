"""ISO media files: MP4, QuickTime, 3GPP, M4A. `movie` is where reading begins."""
