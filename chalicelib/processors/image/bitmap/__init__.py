"""Images of pixels whose size is in a header of their own format."""
