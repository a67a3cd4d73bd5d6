"""A mixed dataset on disk: its manifest, whether it is right, and what it holds."""
