"""Tests of what can be read."""
