"""The features.json of a derived training set, where the source has no schema that its records could keep.

What a first record shows is not enough: of an array it does not show the shape, and the first record of a subset is
another one. So the spec of the source is written out as TFDS would describe it.
"""

import json
from pathlib import Path
from typing import Any

from mixup_pipeline.spec import ExampleSpec

_MODULE = "tensorflow_datasets.core.features"
_IMAGE, _TENSOR = f"{_MODULE}.image_feature.Image", f"{_MODULE}.tensor_feature.Tensor"
_TEXT, _CLASS = f"{_MODULE}.text_feature.Text", f"{_MODULE}.class_label_feature.ClassLabel"
_SEQUENCE, _DICTIONARY = f"{_MODULE}.sequence_feature.Sequence", f"{_MODULE}.features_dict.FeaturesDict"

_Node = dict[str, Any]


def write_schema(spec: ExampleSpec, path: Path) -> None:
    """Write the features.json of records of this spec. Its labels count from 0, or are texts."""
    features = {**_inputs(spec), spec.label_key: _label(spec)}
    if spec.group_key:
        features.setdefault(spec.group_key, {"pythonClassName": _TEXT})
    for key, content in spec.keep:
        features[key] = {"pythonClassName": _TEXT} if content == "text" else _tensor(content, ())
    path.write_text(json.dumps({"pythonClassName": _DICTIONARY, "featuresDict": {"features": features}}))


def _inputs(spec: ExampleSpec) -> dict[str, _Node]:
    if spec.encoding == "columns":
        return {key: _tensor("float32", ()) for key in spec.columns}
    return {spec.input_key: _input(spec)}


def _input(spec: ExampleSpec) -> _Node:
    if spec.encoding == "encoded":
        return {"pythonClassName": _IMAGE, "image": {"dtype": "uint8", "shape": _dimensions(spec.shape)}}
    dtype, encoding = {
        "raw": ("uint8", "bytes"),
        "zlib": ("uint8", "zlib"),
        "pixels": ("uint8", "none"),
        "numbers": ("int64", "none"),
        "vector-bytes": (spec.dtype, "bytes"),
        "vector-zlib": (spec.dtype, "zlib"),
    }.get(spec.encoding, ("float32", "none"))
    return _tensor(dtype, spec.shape, encoding)


def _label(spec: ExampleSpec) -> _Node:
    if spec.class_texts:
        return {"pythonClassName": _TEXT}
    classes: _Node = {"pythonClassName": _CLASS, "classLabel": {"numClasses": str(spec.num_classes)}}
    if spec.label_kind == "class":
        return classes
    if spec.label_kind == "class-list":
        return {"pythonClassName": _SEQUENCE, "sequence": {"feature": classes, "length": "-1"}}
    return _tensor("int64" if spec.label_kind == "one-hot" else "float32", (spec.num_classes,))


def _tensor(dtype: str, shape: tuple[int | None, ...], encoding: str = "none") -> _Node:
    return {
        "pythonClassName": _TENSOR,
        "tensor": {"dtype": dtype, "encoding": encoding, "shape": _dimensions(shape)},
    }


def _dimensions(shape: tuple[int | None, ...]) -> _Node:
    return {"dimensions": [str(-1 if size is None else size) for size in shape]}
