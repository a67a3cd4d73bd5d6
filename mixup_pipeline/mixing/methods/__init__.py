"""Mixing methods."""
