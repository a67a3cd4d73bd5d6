"""Schemas of sources and of the output."""
