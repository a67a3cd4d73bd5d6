"""The manifest: the last file written, and the promise that a directory is complete and bit-exact.

`manifest.json` holds no path, host or time, so that equal runs have equal manifests. Its JSON Schema ships as
`schemas/manifest.schema.json`. Beside it stand `dataset_info.json` and `features.json`, with which
`tfds.builder_from_directory` opens the shards.
"""

import json
import platform
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

from mixup_pipeline.errors import EngineError, ManifestError
from mixup_pipeline.files import write_atomically
from mixup_pipeline.places import Place
from mixup_pipeline.run import FORMAT_VERSION, Run

MANIFEST_NAME = "manifest.json"
INFO_NAME = "dataset_info.json"
FEATURES_NAME = "features.json"

_LIBRARIES = ("apache-beam", "google-crc32c", "numpy", "opencv-python-headless", "protobuf")
_FEATURE = "tensorflow_datasets.core.features"

Manifest = dict[str, Any]


def build_manifest(run: Run, shards: list[dict[str, Any]], totals: dict[str, Any]) -> Manifest:
    """The manifest of a finished run; shards in the order of their names."""
    return {
        "format_version": FORMAT_VERSION,
        "run_id": run.run_id,
        "name": run.name,
        "split": run.split,
        "config": asdict(run.config),
        "source": run.source,
        "shape": list(run.shape),
        "num_classes": run.spec.num_classes,
        "class_names": None if run.class_names is None else list(run.class_names),
        "shards": shards,
        "totals": totals,
        "versions": versions(),
    }


def versions() -> dict[str, str]:
    """The versions on which the bytes of the output depend."""
    return {"python": platform.python_version(), "mixup-pipeline": version("mixup-pipeline")} | {
        library: version(library) for library in _LIBRARIES
    }


def check_versions(expected: dict[str, str]) -> None:
    """See that this worker has the versions of the launcher, since the bytes of the output depend on them.

    Raises EngineError naming the first that differs; of Python the patch level may.
    """
    found = versions()
    for library, version_there in expected.items():
        here, there = found[library], version_there
        if library == "python":
            here, there = here.rpartition(".")[0], there.rpartition(".")[0]
        if here != there:
            raise EngineError(
                f"workers have {library} {here}, the launcher has {there}, so their bytes could differ: install the "
                f"same versions on both"
            )


def write_manifest(out: Place, manifest: Manifest) -> None:
    """Write what TFDS needs, then the manifest as the last file.

    Raises OutputError where a file cannot be written.
    """
    write_atomically(out / INFO_NAME, _pretty(dataset_info(manifest)))
    write_atomically(out / FEATURES_NAME, _pretty(tfds_features(manifest)))
    write_atomically(out / MANIFEST_NAME, _pretty(manifest))


def read_manifest(out: Place) -> Manifest:
    """The manifest of a directory.

    Raises ManifestError where there is none, it is no JSON, or another version of the format.
    """
    path = out / MANIFEST_NAME
    try:
        text = path.read_bytes() if path.is_file() else None
    except OSError as error:
        raise ManifestError(f"{path}: cannot be read ({(error.strerror or str(error)).lower()})") from error
    if text is None:
        unfinished = (out / ".work").is_dir()
        hint = (
            "run the same mixup-augment command again to resume it"
            if unfinished
            else "is it the --out of mixup-augment?"
        )
        raise ManifestError(f"{out}: no {MANIFEST_NAME}, so this is not a complete dataset: {hint}")
    try:
        manifest = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise ManifestError(f"{path}: is not JSON ({error}): make the directory again") from error
    found = manifest.get("format_version") if isinstance(manifest, dict) else None
    if found != FORMAT_VERSION:
        raise ManifestError(
            f"{path}: format version {found!r}, this version reads {FORMAT_VERSION}: make the directory again"
        )
    return manifest


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


def dataset_info(manifest: Manifest) -> dict[str, Any]:
    """TFDS's dataset_info.json."""
    config = manifest["config"]
    return {
        "name": manifest["name"],
        "version": f"{FORMAT_VERSION}.0.0",
        "description": f"MixUp of {manifest['name'].removesuffix('_mixup')}: alpha {config['alpha']}, "
        f"pairing {config['pairing']}, copies {config['copies']}.",
        "fileFormat": "tfrecord",
        "splits": [
            {
                "name": manifest["split"],
                "filepathTemplate": "{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}",
                "numBytes": str(sum(shard["bytes"] for shard in manifest["shards"])),
                "shardLengths": [str(shard["examples"]) for shard in manifest["shards"]],
            }
        ],
    }


def tfds_features(manifest: Manifest) -> dict[str, Any]:
    """TFDS's features.json."""
    config, schema, shape = manifest["config"], manifest["source"]["schema"], manifest["shape"]
    features = {
        "mixup/lam": _tensor("float32", [], "scalar.Scalar"),
        "mixup/base_id": _text(),
        "mixup/partner_id": _text(),
    }
    if schema["encoding"] == "vector":
        features["features"] = _tensor("float32", shape)
    elif config["image_format"] == "png":
        features["image"] = _image(shape)
    else:
        features["image"] = _tensor("uint8", shape, encoding="bytes")
    if schema["soft_labels"] or config["label_format"] == "dense":
        features["label"] = _tensor("float32", [manifest["num_classes"]])
    if not schema["soft_labels"]:
        features["mixup/base_label"] = _tensor("int64", [], "scalar.Scalar")
        features["mixup/partner_label"] = _tensor("int64", [], "scalar.Scalar")
    return {
        "pythonClassName": f"{_FEATURE}.features_dict.FeaturesDict",
        "featuresDict": {"features": dict(sorted(features.items()))},
    }


def _tensor(
    dtype: str, shape: list[int], kind: str = "tensor_feature.Tensor", encoding: str = "none"
) -> dict[str, Any]:
    dimensions = {"dimensions": [str(size) for size in shape]} if shape else {}
    tensor = {"shape": dimensions, "dtype": dtype, "encoding": encoding}
    return {"pythonClassName": f"{_FEATURE}.{kind}", "tensor": tensor}


def _image(shape: list[int]) -> dict[str, Any]:
    image = {"shape": {"dimensions": [str(size) for size in shape]}, "dtype": "uint8", "encodingFormat": "png"}
    return {"pythonClassName": f"{_FEATURE}.image_feature.Image", "image": image}


def _text() -> dict[str, Any]:
    return {"pythonClassName": f"{_FEATURE}.text_feature.Text", "text": {}}


def _pretty(content: dict[str, Any]) -> str:
    """JSON with one line for every field of the top two levels: readable, and short for long lists."""
    lines = []
    for key, value in content.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            body = "[\n" + ",\n".join(f"    {json.dumps(item)}" for item in value) + "\n  ]"
        elif isinstance(value, dict):
            body = "{\n" + ",\n".join(f"    {json.dumps(k)}: {json.dumps(v)}" for k, v in value.items()) + "\n  }"
        else:
            body = json.dumps(value)
        lines.append(f"  {json.dumps(key)}: {body}")
    return "{\n" + ",\n".join(lines) + "\n}\n"
