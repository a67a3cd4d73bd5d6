"""What several test files share."""


def brief(value: object) -> str:
    """The beginning of a case's value, as its name in reports: not all the bytes of an image."""
    return str(value)[:40]
