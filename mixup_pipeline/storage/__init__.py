"""Local files and object stores: naming files, reading ranges, writing files whole or not at all, locks."""
