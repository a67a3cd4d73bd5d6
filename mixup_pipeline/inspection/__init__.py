"""Looking at a mixed dataset: its numbers, its examples, where a source example went, whether λ is Beta."""
