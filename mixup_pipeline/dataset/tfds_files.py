"""The two files beside the shards that `tfds.builder_from_directory` needs to open them."""

from typing import Any

from mixup_pipeline.dataset.manifest import Manifest
from mixup_pipeline.records.fields import Field
from mixup_pipeline.records.labels import LABEL_KEY
from mixup_pipeline.records.layout import Layout

_FEATURES = "tensorflow_datasets.core.features"


def dataset_info(manifest: Manifest) -> dict[str, Any]:
    """The content of TFDS's dataset_info.json."""
    config = manifest.config
    info: dict[str, Any] = {
        "name": manifest.name,
        "version": f"{manifest.format_version}.0.0",
        "description": f"MixUp of {manifest.source_name}: alpha {config.alpha}, pairing {config.pairing}, copies "
        f"{config.copies}.",
        "fileFormat": "tfrecord",
        "splits": [
            {
                "name": manifest.split,
                "filepathTemplate": "{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}",
                "numBytes": str(manifest.num_bytes),
                "shardLengths": [str(shard.examples) for shard in manifest.shards],
            }
        ],
    }
    layout = manifest.layout
    if manifest.format_version > 2 and LABEL_KEY in {field.key for field in layout.fields}:
        items = [{"featureKey": key} for key in (layout.input.key, LABEL_KEY)]
        info["supervisedKeys"] = {"tuple": {"items": items}}  # for as_supervised=True
    return info


def tfds_features(layout: Layout) -> dict[str, Any]:
    """The content of TFDS's features.json."""
    return {
        "pythonClassName": f"{_FEATURES}.features_dict.FeaturesDict",
        "featuresDict": {
            "features": {field.key: _feature(field, layout.image.tfds_encoding) for field in layout.fields}
        },
    }


def _feature(field: Field, encoding_format: str | None) -> dict[str, Any]:
    if field.content == "text" or (field.content == "file" and encoding_format is None):  # the bytes as they are
        return {"pythonClassName": f"{_FEATURES}.text_feature.Text", "text": {}}
    shape = {"dimensions": [str(size) for size in field.shape]} if field.shape else {}
    if field.content == "file":
        image = {"shape": shape, "dtype": "uint8", "encodingFormat": encoding_format}
        return {"pythonClassName": f"{_FEATURES}.image_feature.Image", "image": image}
    encoding = "bytes" if field.content == "uint8" else "none"
    kind = "tensor_feature.Tensor" if field.shape else "scalar.Scalar"
    tensor = {"shape": shape, "dtype": field.content, "encoding": encoding}
    return {"pythonClassName": f"{_FEATURES}.{kind}", "tensor": tensor}
