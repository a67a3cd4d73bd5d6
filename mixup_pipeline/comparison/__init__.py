"""Comparing training with and without mixup: which runs, on what, and what they show."""
