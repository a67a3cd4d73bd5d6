"""Schemas: from the description of a dataset's features to the ExampleSpec of its records.

A schema is a TFDS features.json, a TF Metadata .pbtxt, or the name of a schema that ships with the tool. Classes that a
schema names are never imported.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any, Literal

from mixup_pipeline.config import SourceConfig
from mixup_pipeline.config.registry import INPUT_KINDS
from mixup_pipeline.errors import SourceError, UsageError
from mixup_pipeline.spec import MAX_CLASSES, ExampleSpec
from mixup_pipeline.storage.places import Place, place
from mixup_pipeline.storage.small_file import read_json, read_small

_KINDS = {"image": "encoded", "bytes": "raw", "floats": "vector"}


@dataclass(frozen=True, kw_only=True)
class Feature:
    """One feature as a schema describes it.

    kind: "image" (PNG or JPEG), "bytes" (raw uint8), "floats", "integer", or "other", which the tool cannot use.
    shape: its dimensions; an unknown one is None. num_classes: the classes of a label, None if the schema does not say.
    first_class: the integer that stands for class 0.
    """

    kind: Literal["image", "bytes", "floats", "integer", "other"]
    shape: tuple[int | None, ...] = ()
    num_classes: int | None = None
    first_class: int = 0


Schema = Mapping[str, Feature]


def read_schema(schema: str) -> Schema:
    """Read the features that a schema describes. schema: a file, or the name of a shipped schema.

    Raises UsageError or SourceError if it does not exist or cannot be read.
    """
    path = place(schema)
    if not path.is_file():
        shipped = resources.files("mixup_pipeline.schemas")
        names = sorted(item.name.removesuffix(".pbtxt") for item in shipped.iterdir() if item.name.endswith(".pbtxt"))
        if schema not in names:
            raise UsageError(f"schema {schema!r}: no such file; shipped schemas are {', '.join(names)}")
        return _read_pbtxt((shipped / f"{schema}.pbtxt").read_text(), schema)
    if path.suffix == ".json":
        return read_features_json(path)
    if path.suffix == ".pbtxt":
        try:
            return _read_pbtxt(read_small(path).decode(), str(path))
        except (ValueError, OSError) as error:
            raise SourceError(f"{path}: is not a TF Metadata schema ({error})") from error
    raise UsageError(f"schema {schema}: its name must end in .json (TFDS features.json) or .pbtxt (TF Metadata)")


def read_features_json(path: Place) -> Schema:
    """Read the features of a TFDS features.json. Classes that it names are never imported."""
    try:
        features = read_json(path)["featuresDict"]["features"]
        return {key: _tfds_feature(feature) for key, feature in features.items()}
    except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
        raise SourceError(
            f"{path}: is not a features.json as TFDS 4 writes it ({type(error).__name__}: {error})"
        ) from error


def spec_of(schema: Schema, config: SourceConfig, *, where: str, label_hint: str | None = None) -> ExampleSpec:
    """The spec of records with this schema: choose the feature that is the input and the one that is the label.

    Keys given by the user take precedence. Without them there must be exactly one candidate. Raises UsageError that
    lists the candidates.
    """
    if config.label_key is not None:
        _check_label(schema, config.label_key, where)
    input_key = config.image_key or _only(_input_candidates(schema, config.label_key or label_hint), "image", where)
    label_key = config.label_key or label_hint or _only(_label_candidates(schema, input_key), "label", where)
    if input_key not in schema:
        raise UsageError(f"image-key: {where} has no feature {input_key!r}; it has {', '.join(sorted(schema))}")
    _check_label(schema, label_key, where)
    input_feature, label = schema[input_key], schema[label_key]
    if input_feature.kind not in _KINDS:
        raise UsageError(
            f"image-key: feature {input_key!r} of {where} is neither an image nor a float vector (token ids and the "
            f"like cannot be mixed)"
        )
    spec = ExampleSpec(
        input_key=input_key,
        label_key=label_key,
        encoding=_KINDS[input_feature.kind],
        shape=input_feature.shape,
        num_classes=_num_classes(label, label_key, config, where),
        label_kind="soft" if label.kind == "floats" else "class",
        first_class=label.first_class,
    )
    INPUT_KINDS[spec.encoding].check(spec)
    return spec


def _check_label(schema: Schema, key: str, where: str) -> None:
    if key not in schema:
        raise UsageError(f"label-key: {where} has no feature {key!r}; it has {', '.join(sorted(schema))}")
    if schema[key].kind not in ("integer", "floats"):
        raise UsageError(f"label-key: feature {key!r} of {where} is neither an integer nor a float vector")


def _num_classes(label: Feature, key: str, config: SourceConfig, where: str) -> int:
    described = label.shape[0] if label.kind == "floats" and len(label.shape) == 1 else label.num_classes
    num_classes = config.num_classes or described
    if num_classes is None:
        raise UsageError(f"num-classes is needed: {where} does not say how many classes {key!r} has")
    if not 1 <= num_classes <= MAX_CLASSES:
        raise SourceError(f"{where}: label {key!r} has {num_classes:,} classes: allowed are 1 to {MAX_CLASSES:,}")
    if label.kind == "floats" and described not in (None, num_classes):
        raise UsageError(f"num-classes is {num_classes}, but soft label {key!r} of {where} holds {described} values")
    return num_classes


def _input_candidates(schema: Schema, label_key: str | None) -> list[str]:
    for kind in ("image", "bytes", "floats"):
        found = [key for key, feature in schema.items() if feature.kind == kind and key not in (label_key, "label")]
        found = [key for key in found if kind != "floats" or len(schema[key].shape) == 1]
        if found:
            return found
    return []


def _label_candidates(schema: Schema, input_key: str) -> list[str]:
    if "label" in schema and schema["label"].kind in ("integer", "floats"):
        return ["label"]
    found = [key for key, feature in schema.items() if feature.kind == "integer" and feature.num_classes is not None]
    return found or [
        key for key, feature in schema.items() if feature.kind in ("integer", "floats") and key != input_key
    ]


def _only(candidates: list[str], role: str, where: str) -> str:
    if len(candidates) != 1:
        listed = ", ".join(sorted(candidates)) or "none"
        raise UsageError(f"{role}-key is needed: {where} has these candidates: {listed}")
    return candidates[0]


def _tfds_feature(feature: Mapping[str, Any]) -> Feature:
    kind = feature["pythonClassName"].rsplit(".", 1)[-1]
    if kind == "Image":
        image = feature["image"]
        usable = image.get("dtype", "uint8") == "uint8"
        return Feature(kind="image" if usable else "other", shape=_dimensions(image["shape"]))
    if kind == "ClassLabel":
        return Feature(kind="integer", num_classes=int(feature["classLabel"]["numClasses"]))
    if kind in ("Tensor", "Scalar"):
        tensor = feature["tensor"]
        dtype, encoding, shape = tensor["dtype"], tensor.get("encoding", "none"), _dimensions(tensor["shape"])
        if dtype == "uint8" and encoding == "bytes" and len(shape) == 3:
            return Feature(kind="bytes", shape=shape)
        if dtype == "float32" and encoding == "none" and len(shape) == 1:
            return Feature(kind="floats", shape=shape)
        if dtype in ("int64", "int32", "uint8") and encoding == "none" and not shape:
            return Feature(kind="integer")
    return Feature(kind="other")


def _dimensions(shape: Mapping[str, Any]) -> tuple[int | None, ...]:
    sizes = [int(size) for size in shape.get("dimensions", [])]
    return tuple(None if size < 0 else size for size in sizes)


def _read_pbtxt(text: str, where: str) -> Schema:
    from google.protobuf import text_format
    from tensorflow_metadata.proto.v0 import schema_pb2

    try:
        schema = text_format.Parse(text, schema_pb2.Schema())
    except (text_format.ParseError, RecursionError) as error:
        raise SourceError(f"{where}: is not a TF Metadata schema ({error})") from error
    return {feature.name: _metadata_feature(feature) for feature in schema.feature}


def _metadata_feature(feature: Any) -> Feature:
    from tensorflow_metadata.proto.v0 import schema_pb2

    sizes = tuple(int(dim.size) for dim in feature.shape.dim)
    if feature.type == schema_pb2.BYTES:
        return Feature(kind="image" if feature.HasField("image_domain") else "other", shape=(None, None, None))
    if feature.type == schema_pb2.FLOAT:
        return Feature(kind="floats", shape=sizes or (None,))
    if feature.type == schema_pb2.INT:
        domain = feature.int_domain
        known = domain.HasField("max")
        return Feature(
            kind="integer", num_classes=domain.max - domain.min + 1 if known else None, first_class=int(domain.min)
        )
    return Feature(kind="other")
