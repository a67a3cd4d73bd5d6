"""Glob patterns for the keys of an object store. Unlike in `fnmatch`, `*` and `?` do not match a slash."""

import re

WILDCARD = re.compile(r"[*?\[]")
"""The first character of each part of a pattern that is not literal text."""
_CLASS = re.compile(r"\[[^]]+\]")


def regex_of(pattern: str) -> str:
    """Translate a glob pattern into a regular expression."""
    known = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    pieces = re.split(rf"(\*\*/|\*\*|\*|\?|{_CLASS.pattern})", pattern)
    return "".join(
        known.get(piece) or (_regex_of_class(piece) if _CLASS.fullmatch(piece) else re.escape(piece))
        for piece in pieces
    )


def _regex_of_class(piece: str) -> str:
    """Translate [abc] or [!abc]."""
    negated = piece[1] == "!"
    letters = piece[1 + negated : -1].replace("\\", "\\\\").replace("[", r"\[").replace("^", r"\^")
    return f"[{'^' * negated}{letters}]"
