"""A real nginx with the image's own configuration, in front of real services."""
