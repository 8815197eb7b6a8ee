"""Images in the boxes of ISO media files: HEIF, AVIF, JPEG 2000, JPEG XL and CR3."""
