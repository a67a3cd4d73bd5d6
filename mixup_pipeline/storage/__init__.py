"""Files: where they are, reading ranges of them, writing them whole or not at all."""
