"""The text of the three JSON files of a mixed dataset: equal datasets have equal bytes there too."""

import json
from typing import Any

from mixup_pipeline.dataset.manifest import MANIFEST_NAME, Manifest
from mixup_pipeline.dataset.tfds_files import dataset_info, tfds_features
from mixup_pipeline.sources.tfds_features import FEATURES_NAME
from mixup_pipeline.sources.tfds_info import INFO_NAME


def description_texts(manifest: Manifest) -> dict[str, str]:
    """The text of each file by its name, the manifest last."""
    contents = {
        INFO_NAME: dataset_info(manifest),
        FEATURES_NAME: tfds_features(manifest.layout),
        MANIFEST_NAME: manifest.to_json(),
    }
    return {name: readable_json(content) for name, content in contents.items()}


def readable_json(content: dict[str, Any]) -> str:
    """Format JSON with one line per field of the top two levels. This is readable, and compact for long lists."""
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
