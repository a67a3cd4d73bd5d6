"""The errors a user sees: exit codes, and rebuilding them from a worker's traceback."""

import inspect
import traceback

import pytest

from mixup_pipeline import errors
from mixup_pipeline.errors import (
    EngineError,
    ManifestError,
    MixupError,
    OtherRunError,
    OutputError,
    RecordError,
    SizesError,
    SourceError,
    SplitError,
    StoreError,
    TrainingError,
    UsageError,
    error_in_text,
    printable,
    record_error,
)

ERRORS = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, MixupError)]


def test_every_error_is_listed() -> None:
    named = {UsageError, SourceError, RecordError, OutputError, StoreError, EngineError, ManifestError, TrainingError}
    assert set(ERRORS) == {MixupError, OtherRunError, SplitError, SizesError, *named}


@pytest.mark.parametrize("kind", ERRORS)
def test_only_wrong_usage_exits_with_2(kind: type[MixupError]) -> None:
    assert kind.exit_code == (2 if kind in {UsageError, SplitError} else 1)


def test_a_bad_record_is_an_error_of_the_source() -> None:
    assert issubclass(RecordError, SourceError)


def test_record_error_names_file_record_and_byte() -> None:
    error = record_error("a.tfrecord-00000-of-00001", 17, 4096, "the label is out of range")
    assert isinstance(error, RecordError)
    assert str(error) == "a.tfrecord-00000-of-00001: record 17 at byte 4096: the label is out of range"


def raised_text(error: Exception, cause: Exception | None = None) -> str:
    """The traceback of an error, as a worker reports it."""
    try:
        raise error from cause
    except Exception as raised:  # whatever the case gives
        return "".join(traceback.format_exception(raised))


@pytest.mark.parametrize("kind", ERRORS)
def test_every_error_is_rebuilt_from_its_traceback(kind: type[MixupError]) -> None:
    error = error_in_text(
        raised_text(kind("x.tfrecord: record 3: it's [bad] (very): do this"), ValueError("low level"))
    )
    assert type(error) is kind
    assert str(error) == "x.tfrecord: record 3: it's [bad] (very): do this"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("mixup_pipeline.errors.RecordError: a: record 1", "a: record 1"),
        ("mixup_pipeline.errors.RecordError: a: record 1 [while running 'MixShard-ptransform-12']", "a: record 1"),
        ("RuntimeError: mixup_pipeline.errors.RecordError: a [while running 'Mix [1]']\n\nmore lines", "a"),
        ("mixup_pipeline.errors.RecordError: first\nmixup_pipeline.errors.UsageError: second", "first"),
        ("mixup_pipeline.errors.RecordError: shape [28, 28] is wrong", "shape [28, 28] is wrong"),
    ],
)
def test_the_message_is_cut_from_what_beam_adds(text: str, message: str) -> None:
    error = error_in_text(text)
    assert type(error) is RecordError
    assert str(error) == message


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ValueError: a",
        raised_text(ValueError("mixup_pipeline.errors is mentioned")),
        "mixup_pipeline.errors.NoSuchError: a",
        "mixup_pipeline.errors.re: a",
        "mixup_pipeline.errors.record_error: a",
    ],
)
def test_other_text_holds_no_error(text: str) -> None:
    assert error_in_text(text) is None


@pytest.mark.parametrize("kind", ERRORS)
def test_a_message_is_one_printable_line_also_after_a_worker(kind: type[MixupError]) -> None:
    error = kind("a\x1b[2J\n\u202eb.tfrecord: \ud8ff: do this")
    assert str(error) == r"a\x1b[2J\n\u202eb.tfrecord: \ud8ff: do this"
    assert str(error_in_text(raised_text(error))) == str(error)


def test_printable_text_stays_as_it_is() -> None:
    for text in ("λ ~ Beta(α, α): é, 数, 'quoted' \\n", ""):
        assert printable(text) == text
    assert printable("".join(map(chr, range(0x110000)))).isprintable()
