"""Converted files: TFRecord that a conversion of another format has written, such as the rows of a table.

A record that cannot be made of what it was holds a fault in its place: a tf.Example message with one feature,
`FAULT_KEY`, whose text says what is wrong and where. It counts as a bad record.
"""

from collections.abc import Iterable
from pathlib import Path

from mixup_pipeline.records.framing import frame
from mixup_pipeline.records.tf_example import FAULT_KEY, serialize
from mixup_pipeline.sources.file_formats.tfrecord import TFRecord
from mixup_pipeline.storage.places import Place


def write_converted(target: Path, payloads: Iterable[bytes]) -> None:
    """Write the payloads of all records, in their order."""
    with target.open("wb") as file:
        for payload in payloads:
            file.write(frame(payload))


def fault_payload(reason: str) -> bytes:
    """The payload of a record that could not be made."""
    return serialize({FAULT_KEY: reason.encode()})


class Converted(TFRecord):
    """TFRecord whose records were something else."""

    byte_offsets = False

    def needs_conversion(self, path: Place) -> bool:
        """Never: it is what a conversion has written."""
        return False

    def where(self, path: Place, name: str, record: int, offset: int) -> str:
        """The number of the row, as in its id. Bytes of the converted file would tell nobody anything."""
        return f"{name}: row {record}"


FORMAT = Converted()
