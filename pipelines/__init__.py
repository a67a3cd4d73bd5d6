"""Beam option presets, one an engine."""
