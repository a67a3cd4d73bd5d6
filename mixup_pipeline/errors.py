"""The errors a user can see.

Contract: the message is one line that says what is wrong, where, what is allowed and what to do. Every class can be
rebuilt from its message alone, because an error raised in a Beam worker reaches the launcher only as text.
"""

import re


class MixupError(Exception):
    """Base of all errors that are shown without a traceback."""

    exit_code = 1


class UsageError(MixupError):
    """An option has a value that is not allowed."""

    exit_code = 2


class SourceError(MixupError):
    """The source cannot be found, opened or understood."""


class RecordError(SourceError):
    """One record of the source is damaged or does not fit the schema."""


class OutputError(MixupError):
    """The output folder cannot be used or written."""


class StoreError(MixupError, OSError):
    """An object store cannot do what is asked: (errno, reason, url), or the whole message.

    It is an OSError too, so that who reads and writes need not know whether a place is local.
    """

    def __str__(self) -> str:
        return f"{self.filename}: {self.strerror}" if self.filename else " ".join(map(str, self.args))


class EngineError(MixupError):
    """The engine that is to run the job cannot be used, or the job ended without being done."""


class ManifestError(MixupError):
    """A directory has no manifest, or one that cannot be read."""


class TrainingError(MixupError):
    """Training cannot go on."""


_RAISED = re.compile(r"mixup_pipeline\.errors\.(\w+): (.+?)(?: \[while running .*)?$", re.MULTILINE)


def record_error(file_name: str, record: int, offset: int, reason: str) -> RecordError:
    """The error of one record, naming the file, the record's index and its byte offset in the file."""
    return RecordError(f"{file_name}: record {record} at byte {offset}: {reason}")


def first_line(error: BaseException) -> str:
    """What a foreign error says, in one line of at most 300 characters."""
    return (str(error).strip().splitlines() or [""])[0][:300]


def error_in_text(text: str) -> MixupError | None:
    """The first of these errors named in a worker's traceback, or None where there is none."""
    match = _RAISED.search(text)
    if match is None:
        return None
    kind = globals().get(match[1])
    if not (isinstance(kind, type) and issubclass(kind, MixupError)):
        return None
    return kind(match[2])
