"""Helpers for several test files."""


def brief(value: object) -> str:
    """The beginning of a case's value, for its name in reports; an image has too many bytes to show."""
    return str(value)[:40]
