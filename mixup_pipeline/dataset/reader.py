"""Reading mixed shards back: from records to columns. Every feature is checked."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from mixup_pipeline.dataset.manifest import Manifest, ShardEntry
from mixup_pipeline.errors import record_error
from mixup_pipeline.mixing.randomness import distinct
from mixup_pipeline.records.encoding import value_prefix
from mixup_pipeline.records.framing import pick_records, read_records
from mixup_pipeline.records.kept import kept_fields
from mixup_pipeline.records.labels import BASE_LABEL_KEY, LABEL_KEY, PARTNER_LABEL_KEY
from mixup_pipeline.records.layout import BASE_ID, LAM, PARTNER_ID
from mixup_pipeline.records.names import id_bytes, located
from mixup_pipeline.records.tf_example import Features, parse
from mixup_pipeline.records.viewed import check_view
from mixup_pipeline.spec import ExampleSpec, counted, shape_text
from mixup_pipeline.storage.places import Place


@dataclass(frozen=True, kw_only=True)
class MixedRecord:
    """One mixed example, as stored in a shard.

    class_ids: the class ids of base and partner, None if labels are soft. label: the stored soft label,
    float32[num_classes], empty if none is stored. extra: the features that the mixing method keeps besides λ, by key.
    views: those of both parents by key, int64[5], if they were augmented.
    kept: the features that go along, by key: bytes of a text, or a number.
    input: (*shape), empty if it was not requested. stored: its bytes as the record holds them.
    """

    lam: float
    base_id: str
    partner_id: str
    class_ids: tuple[int, int] | None
    label: npt.NDArray[np.float32]
    extra: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)
    views: Mapping[str, npt.NDArray[np.int64]] = field(default_factory=dict)
    kept: Mapping[str, Any] = field(default_factory=dict)
    input: npt.NDArray[Any] = field(default_factory=lambda: np.empty(0))
    stored: bytes = b""


MixedRecords = dict[int, MixedRecord]
"""Mixed records by their index in the shard."""


@dataclass
class MixedColumns:
    """The records of one shard: one value per record and column. kept: whole records, if requested."""

    lam: list[float] = field(default_factory=list)
    base_id: list[str] = field(default_factory=list)
    partner_id: list[str] = field(default_factory=list)
    base_class: list[int] = field(default_factory=list)
    partner_class: list[int] = field(default_factory=list)
    kept: MixedRecords = field(default_factory=dict)

    def add(self, record: MixedRecord) -> None:
        """Add the values of one record."""
        self.lam.append(record.lam)
        self.base_id.append(record.base_id)
        self.partner_id.append(record.partner_id)
        if record.class_ids is not None:
            self.base_class.append(record.class_ids[0])
            self.partner_class.append(record.class_ids[1])


class MixedReader:
    """Reads and checks the records of the mixed dataset that a manifest describes."""

    def __init__(self, manifest: Manifest) -> None:
        self._layout, self._num_classes = manifest.layout, manifest.num_classes
        self._records = {file.name: file.records for file in manifest.source.files}
        self._lists = {field.key: field.list_kind for field in self._layout.fields}
        shape = self._layout.shape
        key = self._layout.input.key
        self._spec = ExampleSpec(  # a mixed input is read like an input of a source
            input_key=key,
            label_key=LABEL_KEY,
            encoding="vector" if self._layout.is_vector else self._layout.image.input_kind,
            shape=shape,
            num_classes=self._num_classes,
        )

    def read(self, path: Place, keep: Collection[int] = ()) -> MixedColumns:
        """Read all records of a shard. keep: the records to return as a whole, with their inputs.

        Raises RecordError for the first record that is damaged or does not match the manifest.
        """
        columns = MixedColumns()
        for record, (offset, payload, _, fault) in enumerate(read_records(path, path.name)):
            found = self._record(path, record, offset, payload, fault, with_input=record in keep)
            columns.add(found)
            if record in keep:
                columns.kept[record] = found
        return columns

    def each(self, path: Place) -> Iterator[MixedRecord]:
        """Read the records of a shard one by one, with their inputs. Raises RecordError as `read` does."""
        for record, (offset, payload, _, fault) in enumerate(read_records(path, path.name)):
            yield self._record(path, record, offset, payload, fault, with_input=True)

    def pick(self, path: Place, wanted: Collection[int]) -> MixedRecords:
        """Read only these records of a shard.

        Raises RecordError as `read` does, and for a record that does not exist.
        """
        return {
            record: self._record(path, record, offset, payload, fault, with_input=True)
            for record, offset, payload, fault in pick_records(path, path.name, wanted)
        }

    def _record(
        self, path: Place, record: int, offset: int, payload: bytes, fault: str | None, *, with_input: bool
    ) -> MixedRecord:
        try:
            if fault is not None:
                raise ValueError(fault)
            return self._parsed(parse(payload), with_input)
        except ValueError as error:
            raise record_error(path.name, record, offset, str(error)) from error

    def _parsed(self, features: Features, with_input: bool) -> MixedRecord:
        layout = self._layout
        values = self._values(features)
        lam = values[LAM.key][0]
        if not 0 <= lam <= 1:
            raise ValueError(f"mixup/lam is {lam}, should lie in 0 to 1")
        base, partner = self._id(values, BASE_ID.key), self._id(values, PARTNER_ID.key)
        if base == partner and lam != 1:
            raise ValueError(f"is its own partner with mixup/lam {lam}, should be 1")
        layout.labels.check(values, lam, num_classes=self._num_classes, dense=layout.dense)
        data = layout.input_kind.data(features, self._spec)
        if not layout.is_stored_as(layout.input_kind.shape(data, self._spec)):
            raise ValueError(f"{layout.input.key} should be {shape_text(layout.shape)}")
        class_ids = None
        if layout.labels.has_classes:
            class_ids = values[BASE_LABEL_KEY][0], values[PARTNER_LABEL_KEY][0]
        views = {f.key: np.array(values[f.key], np.int64) for f in layout.view_fields}
        for view in views.values():
            check_view(view, layout.shape)
        return MixedRecord(
            lam=lam,
            base_id=base,
            partner_id=partner,
            class_ids=class_ids,
            label=np.array(values.get(LABEL_KEY, ()), np.float32),
            kept={field_.key: values[field_.key][0] for field_ in kept_fields(layout.keep)},
            extra={f.key: np.array(values[f.key], f.content).reshape(f.shape) for f in layout.drawn_fields},
            views=views,
            input=layout.input_kind.decode(data, layout.shape, self._spec) if with_input else np.empty(0),
            stored=data if with_input else b"",
        )

    def _values(self, features: Features) -> dict[str, Any]:
        """The values of all features. Raises ValueError if the features are not those of the layout."""
        if set(features) != set(self._lists):
            raise ValueError(
                f"has features {', '.join(sorted(features))}, should have {', '.join(sorted(self._lists))}"
            )
        values = {key: getattr(features[key], list_kind).value for key, list_kind in self._lists.items()}
        for field_ in self._layout.fields:
            found = len(values[field_.key])
            if found != field_.num_values:
                raise ValueError(
                    f"feature {field_.key!r} holds {counted(found, 'value')} of its kind, should hold "
                    f"{field_.num_values}"
                )
        return values

    def _id(self, values: dict[str, Any], key: str) -> str:
        text: str = values[key][0].decode("utf-8", "replace")
        parts = located(text, self._records)
        if parts is None or parts[1] not in self._records[parts[0]]:
            raise ValueError(f"{key} is {text!r}, which names no record of the source")
        return text


def provenance_bytes(manifest: Manifest) -> int:
    """An upper bound for the bytes that the mixup/ features take. They are always at the end of a payload."""
    return manifest.layout.provenance_bytes(
        max(id_bytes(file.name, file.member_bytes) for file in manifest.source.files)
    )


_LAM_PREFIX = value_prefix(LAM)


def lam_in(tail: bytes) -> float:
    """Read λ from the last `provenance_bytes` of a payload.

    Raises ValueError if there is no λ in them.
    """
    start = tail.rfind(_LAM_PREFIX) + len(_LAM_PREFIX)
    if start < len(_LAM_PREFIX) or len(tail) < start + 4:
        raise ValueError("has no mixup/lam at its end")
    return float(np.frombuffer(tail, "<f4", 1, start)[0])


def sample_records(shards: Sequence[ShardEntry], count: int, seed: int, purpose: str) -> dict[str, frozenset[int]]:
    """Choose `count` records of these shards at random: record indices by shard name. The choice is keyed."""
    sizes = np.array([shard.examples for shard in shards])
    ends = np.cumsum(sizes)
    drawn = np.sort(distinct(int(ends[-1]), count, seed, purpose))
    chosen = np.searchsorted(ends, drawn, side="right")
    return {
        shards[shard].name: frozenset((drawn[chosen == shard] - (ends - sizes)[shard]).tolist())
        for shard in np.unique(chosen).tolist()
    }
