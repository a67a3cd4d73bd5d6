"""MixUp itself, in pure NumPy: keyed random draws, pairing policies, mixing methods, totals."""
