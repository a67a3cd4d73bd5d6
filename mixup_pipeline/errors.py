"""The errors that a user can see.

Contract: a message is one line that says what is wrong, where, what is allowed and what to do. Each error can be
rebuilt from its message alone, because an error of a Beam worker reaches the launcher only as text. Names of files,
features and classes come from outside, so a message shows what is not printable as an escape.
"""

import re
from typing import Any


class MixupError(Exception):
    """Base of all errors that are shown without a traceback."""

    exit_code = 1

    def __str__(self) -> str:
        return printable(super().__str__())


class UsageError(MixupError):
    """An option has a value that is not allowed."""

    exit_code = 2


class SplitError(UsageError):
    """The source has no split of this name."""


class SourceError(MixupError):
    """The source cannot be found, opened or understood."""


class RecordError(SourceError):
    """One record of the source is damaged or does not fit the schema."""


class OutputError(MixupError):
    """The output folder cannot be used or written."""


class OtherRunError(OutputError):
    """The output folder holds another run, or another process has begun one there."""


class StoreError(MixupError, OSError):
    """A request to an object store failed. Arguments: (errno, reason, url), or the whole message.

    It is an OSError too, so code that reads and writes need not know whether a path is local.
    """

    def __str__(self) -> str:
        return printable(f"{self.filename}: {self.strerror}" if self.filename else " ".join(map(str, self.args)))


class EngineError(MixupError):
    """The engine cannot be used, or the job ended without finishing its work."""


class SizesError(SourceError):
    """Images differ in size. census: the summary of their census, for a table beside the message."""

    def __init__(self, message: str, census: Any = None) -> None:
        super().__init__(message)
        self.census = census


class ManifestError(MixupError):
    """A folder has no manifest, or one that cannot be read."""


class TrainingError(MixupError):
    """Training cannot continue."""


_RAISED = re.compile(r"mixup_pipeline\.errors\.(\w+): (.+?)(?: \[while running .*)?$", re.MULTILINE)


def record_error(file_name: str, record: int, offset: int, reason: str) -> RecordError:
    """An error of one record. It names the file, the record's index and its byte offset in the file."""
    return RecordError(f"{file_name}: record {record} at byte {offset}: {reason}")


def first_line(error: BaseException) -> str:
    """The first line of any error's message, printable and cut at 300 characters."""
    return printable((str(error).strip().splitlines() or [""])[0])[:300]


def printable(text: str) -> str:
    """The text as one line that no terminal obeys: what is not printable, line ends included, as Python escapes."""
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)


def error_in_text(text: str) -> MixupError | None:
    """Rebuild the first of our errors in a worker's traceback; None where there is none."""
    match = _RAISED.search(text)
    if match is None:
        return None
    kind = globals().get(match[1])
    if not (isinstance(kind, type) and issubclass(kind, MixupError)):
        return None
    return kind(match[2])
