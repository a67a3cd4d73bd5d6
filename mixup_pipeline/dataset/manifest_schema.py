"""The JSON Schema of the manifest. It is generated from the code, so that every limit is defined once.

The schema of the configuration comes from the options that MixConfig declares, and that of the source's records from
the fields of ExampleSpec. `schemas/manifest.schema.json` is this schema as a file, for other programs. The checks of
this package call the function, because it also knows the names that a program has registered.
"""

from typing import Any

from mixup_pipeline.config import MAX_COPIES, MAX_EXAMPLES, MixConfig, SourceConfig
from mixup_pipeline.config.option import json_schema_of
from mixup_pipeline.config.registry import INPUT_KINDS, LABEL_KINDS
from mixup_pipeline.dataset.manifest import MIXED_SUFFIX, READABLE_VERSIONS
from mixup_pipeline.mixing.totals import LAM_BINS, MAX_PAIR_CLASSES, NEARLY_UNMIXED
from mixup_pipeline.records.names import SHARD_NAME
from mixup_pipeline.sources.census import LARGE_ENLARGEMENT
from mixup_pipeline.spec import MAX_CLASSES, MAX_EXAMPLE_BYTES, MAX_RANK

Schema = dict[str, Any]

MAX_COUNT = 2**53 - 1
"""The largest integer that every JSON reader represents exactly."""

_COUNT: Schema = {"$ref": "#/$defs/count"}
_SHA256: Schema = {"$ref": "#/$defs/sha256"}
_NUM_CLASSES: Schema = {"type": "integer", "minimum": 1, "maximum": MAX_CLASSES}


def manifest_schema(config: type[MixConfig] = MixConfig) -> Schema:
    """The complete schema. config: the dataclass whose options a manifest records."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Manifest of a mixed dataset",
        "description": "The last file written by mixup-augment. A directory with a valid manifest is complete and "
        "bit-exact.",
        **_record(
            {
                "format_version": {"enum": list(READABLE_VERSIONS)},
                "run_id": _described(_SHA256, "Hash of the configuration, the schema and the content of the source."),
                "name": {"type": "string", "pattern": f"{MIXED_SUFFIX}$"},
                "split": {"type": "string", "minLength": 1},
                "config": json_schema_of(config),
                "source": _source(),
                "shape": _listed(
                    {"type": "integer", "minimum": 1, "maximum": MAX_EXAMPLE_BYTES}, at_least=1, at_most=MAX_RANK
                ),
                "num_classes": _NUM_CLASSES,
                "class_names": _listed({"type": "string"}, or_null=True),
                "shards": _listed(_shard(), at_least=1),
                "totals": _totals(),
                "versions": {
                    "type": "object",
                    "required": ["python", "numpy"],
                    "additionalProperties": {"type": "string"},
                },
            }
        ),
        "$defs": {
            "count": {"type": "integer", "minimum": 0, "maximum": MAX_COUNT},
            "sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
        },
    }


def _source() -> Schema:
    file = _record(
        {
            "name": {"type": "string"},
            "examples": _COUNT,
            "skipped": _COUNT,
            "fingerprint": _described(_SHA256, "Over the length and CRC of every record read."),
        }
    )
    file["properties"]["member_bytes"] = _described(_COUNT, "Of the longest name of an image, if the file is a folder.")
    file["properties"]["first_record"] = _described(_COUNT, "The first record that was read, of a slice.")
    source = _record(
        {
            "examples": _described(_COUNT, "Examples used, after --limit.") | {"minimum": 1, "maximum": MAX_EXAMPLES},
            "skipped": _described(_COUNT, "Bad records left out."),
            "files": _listed(file, at_least=1),
            "schema": _example_spec(),
        }
    )
    source["properties"] |= {"origin": _origin(), "census": _census(), "left_out": _left_out()}
    return source


def _origin() -> Schema:
    """The schema of an Origin. It is not in format version 2."""
    text: Schema = {"type": "string"}
    return _described(
        _record(
            {
                "asked": json_schema_of(SourceConfig),
                "src": _described(text, "The --src that finds this source again, with its version."),
                "version": _described({"type": ["string", "null"]}, "Of a TFDS dataset."),
                "input_rule": _described(text, "Why this feature is the input."),
                "label_rule": _described(text, "Why this feature is the label."),
                "classes_from": _described(text, "What says how many classes there are."),
                "dropped": _described(_listed(text), "Features of the source that the shards do not hold."),
                "notes": _described(_listed(text), "What else was chosen."),
            }
        ),
        "What was asked for and what was chosen. It decides no byte of a shard. Not in format version 2.",
    )


def _census() -> Schema:
    counts: Schema = {"type": "object", "additionalProperties": _COUNT}
    size = _listed({"type": "integer", "minimum": 1}, at_least=2, at_most=2)
    return _described(
        _record(
            {
                "images": _COUNT,
                "formats": _described(counts, "Images by format."),
                "colours": _described(counts, "Images by kind of colours."),
                "bits": _described(counts, "Images by bits of a channel."),
                "aspects": _described(counts, "Images by aspect: landscape, portrait, square."),
                "sizes": _described(_COUNT, "How many sizes there are."),
                "smallest": _described(size, "[height, width] of the smallest image."),
                "largest": _described(size, "[height, width] of the largest image."),
                "resized": _described(_COUNT, "Images that were brought to another size."),
                "cropped": _described(_COUNT, "Images of which a part was left out."),
                "enlarged": _described(_COUNT, f"Images enlarged more than {LARGE_ENLARGEMENT} times along a side."),
                "turned": _described(_COUNT, "Images whose EXIF says that they are not upright."),
                "with_alpha": _described(_COUNT, "Images with transparency."),
                "animated": _described(_COUNT, "Images with more pictures than one: the first is used."),
                "channels": {"enum": [1, 3, 4]},
            }
        ),
        "The images of the source, as they were found. Only of image files.",
    )


def _left_out() -> Schema:
    reasons: Schema = {"type": "object", "additionalProperties": _COUNT | {"minimum": 1}}
    return _described(
        _record(
            {
                "sha256": _described(_SHA256, "Of skipped.csv, which lists the bad records."),
                "reasons": _described(reasons, "Bad records by reason."),
            }
        ),
        "The bad records that were left out. Only where there are some.",
    )


def _example_spec() -> Schema:
    """The schema of an ExampleSpec, as `config.typed_json` writes it."""
    known: dict[str, Schema] = {
        "input_key": {"type": "string"},
        "label_key": {"type": "string"},
        "encoding": {"enum": list(INPUT_KINDS)},
        "shape": _listed({"type": ["integer", "null"]}, at_least=1, at_most=MAX_RANK),
        "num_classes": _NUM_CLASSES,
        "soft_labels": {"type": "boolean"},
        "first_class": {"type": "integer"},
    }
    spec = _record(known)
    spec["properties"]["class_texts"] = _described(
        _listed({"type": "string"}, at_least=1), "Where labels are texts: the text of each class."
    )
    spec["properties"]["dtype"] = _described({"type": "string"}, "Of the stored numbers, if it is not float32.")
    kept = _listed({"type": "string"}, at_least=2, at_most=2)
    spec["properties"]["keep"] = _described(_listed(kept, at_least=1), "Features that go along: key and content.")
    spec["properties"]["group_key"] = _described({"type": "string"}, "The feature that tells groups apart.")
    spec["properties"]["columns"] = _described(
        _listed({"type": "string"}, at_least=1), "Where the input is made of several columns: their names."
    )
    spec["properties"]["images"] = {
        "type": "object",
        "additionalProperties": False,
        "description": "How image files are brought to one form; what is left out has its default.",
        "properties": {
            "size": _described(_listed({"type": "integer", "minimum": 1}, at_least=2, at_most=2), "[height, width]"),
            "resize": {"enum": ["crop", "pad", "stretch"]},
            "channels": {"enum": [1, 3, 4]},
            "exif": {"enum": ["apply", "ignore"]},
        },
    }
    others = [kind for kind in LABEL_KINDS if kind not in ("class", "soft")]
    if others:
        spec["properties"]["label_kind"] = {"enum": others}
    return spec


def _shard() -> Schema:
    return _record(
        {
            "name": {"type": "string", "pattern": f"^{SHARD_NAME}$"},
            "copy": {
                "type": ["integer", "null"],
                "minimum": 0,
                "maximum": MAX_COPIES - 1,
                "description": "null: the originals.",
            },
            "examples": _COUNT | {"minimum": 1},
            "bytes": _COUNT | {"minimum": 1},
            "sha256": _SHA256,
        }
    )


def _totals() -> Schema:
    nearly = f"Mixed with lam below {NEARLY_UNMIXED} or above {1 - NEARLY_UNMIXED}."
    pairs = "Row base class, column partner class, of mixed examples; null above {:,} classes or for soft labels."
    bases = "How often each class is the base, over all copies: copies times its examples; null for soft labels."
    mass: Schema = {"type": "number", "minimum": 0, "maximum": MAX_COUNT}
    return _record(
        {
            "examples": _COUNT,
            "mixed": _COUNT,
            "unmixed": _described(_COUNT, "Left with lam = 1 by --prob or as a class of one."),
            "originals": _COUNT,
            "nearly_unmixed": _described(_COUNT, nearly),
            "lam_mean": {"type": ["number", "null"], "minimum": 0, "maximum": 1},
            "lam_histogram": _listed(_COUNT, at_least=LAM_BINS, at_most=LAM_BINS),
            "class_pairs": _described(_listed(_listed(_COUNT), or_null=True), pairs.format(MAX_PAIR_CLASSES)),
            "base_counts": _described(_listed(_COUNT, or_null=True), bases),
            "label_mass": _described(_listed(mass, or_null=True), "Sum of the soft labels of all copies, by class."),
        }
    )


def _record(properties: dict[str, Schema]) -> Schema:
    """The schema of an object that has all of these properties and no others."""
    return {
        "type": "object",
        "additionalProperties": False,
        "required": list(properties),
        "properties": properties,
    }


def _listed(items: Schema, *, at_least: int = 0, at_most: int | None = None, or_null: bool = False) -> Schema:
    """The schema of an array. at_least, at_most: limits of its length. or_null: whether null is allowed as well."""
    bounds = {"minItems": at_least} if at_least else {}
    bounds |= {} if at_most is None else {"maxItems": at_most}
    return {"type": ["array", "null"] if or_null else "array", **bounds, "items": items}


def _described(schema: Schema, description: str) -> Schema:
    return schema | {"description": description}
