"""TIFF, and Exif and raw photos, which are built like TIFF."""
