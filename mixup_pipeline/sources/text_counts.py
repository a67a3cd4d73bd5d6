"""How many different texts a label may hold."""

from mixup_pipeline.errors import UsageError

MOST_TEXTS = 65_536


def check_count(count: int, label_key: str) -> None:
    """Raise UsageError for more texts than classes can be meant."""
    if count > MOST_TEXTS:
        raise UsageError(
            f"label {label_key!r} holds more than {MOST_TEXTS:,} different texts, so it seems to be no class: choose "
            f"another --label-key"
        )
