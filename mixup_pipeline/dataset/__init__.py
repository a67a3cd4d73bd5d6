"""A mixed dataset on disk: reading its manifest, verifying it, and showing what it holds."""
