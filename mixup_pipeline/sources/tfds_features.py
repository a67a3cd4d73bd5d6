"""The features.json of TFDS, in both forms in which TFDS writes it. Classes that it names are never imported.

The usual form is the JSON of a `Feature` message: {"pythonClassName": …, "featuresDict": {"features": {…}}}. The other,
which `features.to_json()` gives, wraps it as {"type": …, "content": …}; before TFDS 4.5 each feature was wrapped so.
Features of a dictionary within are called a/b, as in a record.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from mixup_pipeline.errors import SourceError
from mixup_pipeline.records.inputs.packed import ITEM_BYTES
from mixup_pipeline.sources.feature import Feature, Schema
from mixup_pipeline.spec import counted, shape_text
from mixup_pipeline.storage.places import Place
from mixup_pipeline.storage.small_file import read_json

FEATURES_NAME = "features.json"
_DICTIONARY, _CLASS_LABEL, _IMAGE = "FeaturesDict", "ClassLabel", "Image"
_INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
_TENSORS = ("Tensor", "Scalar")
_FLOATS = ("float16", "float32", "float64", "bfloat16")
_PIXELS = {"none": "pixels", "bytes": "raw", "zlib": "zlib"}
_PACKED = {"bytes": "vector-bytes", "zlib": "vector-zlib"}
"""Input kinds of tensors, by their encoding."""

_Node = Mapping[str, Any]


def read_features_json(path: Place) -> Schema:
    """Read the features of a TFDS features.json.

    Raises SourceError if it is not one.
    """
    try:
        root = _unwrapped(read_json(path))
        return {key: _feature(node) for key, node in _flat(root, "")}
    except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
        raise SourceError(
            f"{path}: is not a features.json as TFDS 4 writes it ({type(error).__name__}: {error})"
        ) from error


def _unwrapped(node: _Node) -> _Node:
    """A feature in the usual form, whichever form it has."""
    if "type" not in node:
        return node
    name, content = node["type"], node["content"]
    if isinstance(content, str):  # the message as JSON text, as some versions wrote it
        content = json.loads(content)
    kind = _class(name)
    if kind == _DICTIONARY:
        features = content["features"] if node.get("proto_cls") else content
        return {"pythonClassName": name, "featuresDict": {"features": features}}
    if kind == _CLASS_LABEL:
        return {"pythonClassName": name, "classLabel": {"numClasses": content.get("num_classes")} | content}
    field = "image" if kind == _IMAGE else "tensor"
    shape = content.get("shape")
    if isinstance(shape, list):
        shape = {"dimensions": [-1 if size is None else size for size in shape]}
    return {"pythonClassName": name, field: {**content, "shape": shape or {}}}


def _class(name: str) -> str:
    return name.rsplit(".", 1)[-1]


def _flat(node: _Node, prefix: str) -> Iterator[tuple[str, _Node]]:
    """The features of a dictionary and of those within it, by their keys in a record."""
    for key, wrapped in node["featuresDict"]["features"].items():
        child = _unwrapped(wrapped)
        if "featuresDict" in child:
            yield from _flat(child, f"{prefix}{key}/")
        else:
            yield f"{prefix}{key}", child


def _feature(node: _Node) -> Feature:
    kind = _class(node["pythonClassName"])
    if kind == _IMAGE:
        image = node["image"]
        dtype, shape = image.get("dtype") or "uint8", _dimensions(image["shape"])
        # TFDS stores the bits of float32 pixels as RGBA
        return Feature(text=_text(kind, dtype, shape), input_kind="encoded" if dtype == "uint8" else None, shape=shape)
    if kind == _CLASS_LABEL:
        count = node["classLabel"].get("numClasses")
        return Feature(
            text=kind if count is None else f"{kind} of {counted(int(count), 'class')}",
            label_kind="class",
            class_label=True,
            num_classes=None if count is None else int(count),
            classes_from=FEATURES_NAME,
        )
    return _other_feature(kind, node)


def _other_feature(kind: str, node: _Node) -> Feature:
    if kind in _TENSORS:
        return _tensor(kind, node["tensor"])
    if kind == "Audio":
        return _audio(node["audio"])
    if kind == "Sequence" and "sequence" in node:
        return _sequence(node["sequence"])
    return Feature(text=kind, label_kind="class" if kind == "Text" else None, is_text=kind == "Text")


def _sequence(sequence: _Node) -> Feature:
    """A list: of classes, it is a label; of numbers, a vector whose length the data show."""
    inner, length = _feature(_unwrapped(sequence["feature"])), int(sequence.get("length", -1))
    text = f"Sequence of {inner.text}"
    if inner.class_label:
        return replace(inner, text=text, label_kind="class-list", class_label=True)
    if inner.is_number and not inner.shape:
        return replace(_numbers(inner.dtype, (length if length > 0 else None,), "none"), text=text)
    return Feature(text=text)


def _audio(audio: _Node) -> Feature:
    """Sound as integers or floats. (Files are of many lengths, and are not decoded here.)"""
    dtype, shape = audio.get("dtype") or "int64", _dimensions(audio.get("shape") or {})
    feature = _numbers(dtype, shape or (None,), audio.get("encoding") or "none")
    return replace(feature, text=_text("Audio", dtype, shape or (None,)), label_kind=None)


def _tensor(kind: str, tensor: _Node) -> Feature:
    dtype, encoding, shape = tensor["dtype"], tensor.get("encoding") or "none", _dimensions(tensor["shape"])
    text = _text(kind, dtype, shape) + ("" if encoding == "none" else f", stored as {encoding}")
    if shape:
        return replace(_numbers(dtype, shape, encoding), text=text)
    if encoding != "none":
        return Feature(text=text)
    if dtype in ("bool", *_INTEGERS):
        classes = 2 if dtype == "bool" else None
        return Feature(
            text=text,
            label_kind="class",
            num_classes=classes,
            classes_from="dtype bool" if classes else "",
            is_number=True,
            dtype=dtype,
        )
    if dtype == "string":
        return Feature(text=text, label_kind="class", is_text=True)
    return Feature(text=text, is_number=dtype in _FLOATS, dtype=dtype)


def _numbers(dtype: str, shape: tuple[int | None, ...], encoding: str) -> Feature:
    """A tensor of at least one dimension. Only the first may be unknown, since a record holds a list of values."""
    if dtype == "uint8" and len(shape) == 3 and shape[2] in (1, 3, 4):
        known = None not in shape
        return Feature(text="", input_kind=_PIXELS.get(encoding) if known else None, shape=shape)
    if None in shape[1:] or dtype not in ("bool", *_INTEGERS, *_FLOATS):
        return Feature(text="", shape=shape)
    if encoding != "none":
        packed = _PACKED.get(encoding) if dtype in ITEM_BYTES else None
        return Feature(text="", input_kind=packed, shape=shape, dtype=dtype)
    is_float = dtype in _FLOATS
    label_kind = ("soft" if is_float else "one-hot") if len(shape) == 1 and shape[0] is not None else None
    return Feature(text="", input_kind="vector" if is_float else "numbers", label_kind=label_kind, shape=shape)


def _text(kind: str, dtype: str, shape: tuple[int | None, ...]) -> str:
    return f"{kind} {dtype}{' ' if shape else ''}{shape_text(shape)}"


def _dimensions(shape: _Node) -> tuple[int | None, ...]:
    sizes = [int(size) for size in shape.get("dimensions", [])]
    return tuple(None if size < 0 else size for size in sizes)
