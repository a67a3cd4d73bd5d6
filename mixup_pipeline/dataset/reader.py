"""Reading mixed shards back: records → columns, with every feature checked on the way."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from mixup_pipeline.dataset.manifest import Manifest
from mixup_pipeline.errors import record_error
from mixup_pipeline.mixing.methods.mixup import mix_class_ids
from mixup_pipeline.mixing.randomness import distinct
from mixup_pipeline.records.framing import pick, scan
from mixup_pipeline.records.images import decode, image_shape
from mixup_pipeline.records.tf_example import Features, parse
from mixup_pipeline.spec import example_bytes, shape_text
from mixup_pipeline.storage.places import Place

_SUM_TOLERANCE = 1e-3
_LAM = b"mixup/lam\x12\x08\x12\x06\n\x04"
"""What stands before the four bytes of λ: its key, then tags and lengths."""
_INDEX_DIGITS = 10
_PROVENANCE_BYTES = 256
"""More than the five mixup/ features take beside the two ids: keys, tags, lengths, λ and class ids."""


@dataclass
class MixedColumns:
    """The records of one shard: lists of one value a record, and the inputs of those that were asked for."""

    lam: list[float] = field(default_factory=list)
    base_id: list[str] = field(default_factory=list)
    partner_id: list[str] = field(default_factory=list)
    base_class: list[int] = field(default_factory=list)
    partner_class: list[int] = field(default_factory=list)
    inputs: dict[int, npt.NDArray[Any]] = field(default_factory=dict)
    labels: dict[int, npt.NDArray[np.float32]] = field(default_factory=dict)

    def sampled(self) -> "SampledRecords":
        """What there is to know of the records that were kept."""
        return {
            record: SampledRecord(
                lam=self.lam[record],
                base_id=self.base_id[record],
                partner_id=self.partner_id[record],
                classes=(self.base_class[record], self.partner_class[record]) if self.base_class else None,
                input=self.inputs[record],
                label=self.labels[record],
            )
            for record in sorted(self.inputs)
        }


@dataclass(frozen=True, kw_only=True)
class SampledRecord:
    """One mixed example: classes are those of base and partner, None where labels are soft."""

    lam: float
    base_id: str
    partner_id: str
    classes: tuple[int, int] | None
    input: npt.NDArray[Any]
    label: npt.NDArray[np.float32]


SampledRecords = dict[int, SampledRecord]
"""By record index."""


class MixedReader:
    """Reads the records of one mixed dataset, as its manifest describes them."""

    def __init__(self, manifest: Manifest) -> None:
        self._shape = tuple(manifest["shape"])
        self._num_classes: int = manifest["num_classes"]
        self._soft: bool = manifest["source"]["schema"]["soft_labels"]
        self._vector = manifest["source"]["schema"]["encoding"] == "vector"
        self._png = manifest["config"]["image_format"] == "png" and not self._vector
        self._dense = self._soft or manifest["config"]["label_format"] == "dense"
        read = {file["name"]: file["examples"] + file["skipped"] for file in manifest["source"]["files"]}
        self._num_records = read  # of each source file
        self._input_key = "features" if self._vector else "image"
        keys = {self._input_key: "bytes_list", "mixup/lam": "float_list"}
        keys |= {"mixup/base_id": "bytes_list", "mixup/partner_id": "bytes_list"}
        if self._vector:
            keys[self._input_key] = "float_list"
        if self._dense:
            keys["label"] = "float_list"
        if not self._soft:
            keys |= {"mixup/base_label": "int64_list", "mixup/partner_label": "int64_list"}
        self._kinds = keys

    def read(self, path: Place, keep: Collection[int] = ()) -> MixedColumns:
        """All records of a shard; inputs and labels only of the records to keep.

        Raises RecordError naming the first record that is damaged or not as the manifest says.
        """
        columns = MixedColumns()
        for record, (offset, payload, _, fault) in enumerate(scan(path, path.name)):
            try:
                if fault is not None:
                    raise ValueError(fault)
                self._add(columns, parse(payload), record if record in keep else None)
            except ValueError as error:
                raise record_error(path.name, record, offset, str(error)) from error
        return columns

    def pick(self, path: Place, wanted: Collection[int]) -> SampledRecords:
        """These records of a shard, without reading the others.

        Raises RecordError as `read` does, and where the shard holds no such record.
        """
        columns = MixedColumns()
        records: list[int] = []
        for record, offset, payload, fault in pick(path, path.name, wanted):
            try:
                if fault is not None:
                    raise ValueError(fault)
                self._add(columns, parse(payload), len(records))
            except ValueError as error:
                raise record_error(path.name, record, offset, str(error)) from error
            records.append(record)
        return {records[row]: sampled for row, sampled in columns.sampled().items()}

    def _add(self, columns: MixedColumns, features: Features, kept_as: int | None) -> None:
        if set(features) != set(self._kinds):
            raise ValueError(
                f"has features {', '.join(sorted(features))}, should have {', '.join(sorted(self._kinds))}"
            )
        values = {key: getattr(features[key], kind).value for key, kind in self._kinds.items()}
        for key, size in self._sizes().items():
            if len(values[key]) != size:
                raise ValueError(f"feature {key!r} holds {len(values[key])} values of its kind, should hold {size}")
        lam = values["mixup/lam"][0]
        if not 0 <= lam <= 1:
            raise ValueError(f"mixup/lam is {lam}, should lie in 0 to 1")
        base, partner = self._id(values, "mixup/base_id"), self._id(values, "mixup/partner_id")
        if base == partner and lam != 1:
            raise ValueError(f"is its own partner with mixup/lam {lam}, should be 1")
        classes = () if self._soft else (values["mixup/base_label"][0], values["mixup/partner_label"][0])
        if not all(0 <= class_id < self._num_classes for class_id in classes):
            raise ValueError(f"class ids {classes} should lie in 0 to {self._num_classes - 1}")
        self._check_label(values, lam, classes)
        if self._png and image_shape(values["image"][0]) != self._shape:
            raise ValueError(f"image should be {shape_text(self._shape)}")
        if not self._vector and not self._png and len(values["image"][0]) != example_bytes(self._shape):
            raise ValueError(f"image holds {len(values['image'][0])} bytes, should be {shape_text(self._shape)}")
        columns.lam.append(lam)
        columns.base_id.append(base)
        columns.partner_id.append(partner)
        columns.base_class.extend(classes[:1])
        columns.partner_class.extend(classes[1:])
        if kept_as is not None:
            columns.inputs[kept_as] = self._decode(values[self._input_key])
            columns.labels[kept_as] = np.array(values.get("label", ()), np.float32)

    def _sizes(self) -> dict[str, int]:
        sizes = dict.fromkeys(self._kinds, 1)
        if self._dense:
            sizes["label"] = self._num_classes
        if self._vector:
            sizes["features"] = self._shape[0]
        return sizes

    def _id(self, values: dict[str, Any], key: str) -> str:
        text = values[key][0].decode("utf-8", "replace")
        name, _, record = text.rpartition("__")
        if not record.isdecimal() or int(record) >= self._num_records.get(name, 0):
            raise ValueError(f"{key} is {text!r}, which names no record of the source")
        return text

    def _check_label(self, values: dict[str, Any], lam: float, classes: tuple[int, ...]) -> None:
        if not self._dense:
            return
        label = np.array(values["label"], np.float32)
        if classes:
            base, partner = (np.array([class_id], np.int32) for class_id in classes)
            right = mix_class_ids(base, partner, np.array([lam], np.float32), num_classes=self._num_classes)[0]
            if (label != right).any():
                raise ValueError(f"label is not lam {lam} of class {classes[0]} and the rest of class {classes[1]}")
        elif not (abs(label.sum() - 1) <= _SUM_TOLERANCE and (label >= 0).all()):
            raise ValueError(f"label sums to {label.sum():g}, should hold values from 0 to 1 that sum to 1")

    def _decode(self, value: Any) -> npt.NDArray[Any]:
        if self._vector:
            return np.array(value, np.float32)
        if self._png:
            return decode(value[0], self._shape[2])
        return np.frombuffer(value[0], np.uint8).reshape(self._shape)


def provenance_bytes(manifest: Manifest) -> int:
    """How many bytes at the end of a payload are sure to hold all features under mixup/, which stand there."""
    longest_name = max(len(file["name"].encode()) for file in manifest["source"]["files"])
    return _PROVENANCE_BYTES + 2 * (longest_name + len("__") + _INDEX_DIGITS)


def lam_in(tail: bytes) -> float:
    """λ from the last `provenance_bytes` of a payload.

    Raises ValueError where there is none.
    """
    at = tail.rfind(_LAM) + len(_LAM)
    if at < len(_LAM) or len(tail) < at + 4:
        raise ValueError("has no mixup/lam at its end")
    return float(np.frombuffer(tail, "<f4", 1, at)[0])


def choose(shards: Sequence[dict[str, Any]], count: int, seed: int, purpose: str) -> dict[str, frozenset[int]]:
    """A keyed choice of `count` records over all of these shards of a manifest, by shard name."""
    sizes = np.array([shard["examples"] for shard in shards])
    ends = np.cumsum(sizes)
    drawn = np.sort(distinct(int(ends[-1]), count, seed, purpose))
    chosen = np.searchsorted(ends, drawn, side="right")
    return {
        shards[shard]["name"]: frozenset((drawn[chosen == shard] - (ends - sizes)[shard]).tolist())
        for shard in np.unique(chosen).tolist()
    }
