"""The two files beside the shards with which `tfds.builder_from_directory` opens them."""

from typing import Any

from mixup_pipeline.dataset.manifest import FORMAT_VERSION, Manifest

_FEATURE = "tensorflow_datasets.core.features"


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
