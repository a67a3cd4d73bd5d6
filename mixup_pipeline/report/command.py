"""The command that made a dataset, rebuilt from its manifest."""

import re
import shlex
from collections.abc import Sequence

from mixup_pipeline.config import MixConfig
from mixup_pipeline.manifest import Manifest
from mixup_pipeline.run import settled_label_format


def augment_command(manifest: Manifest) -> str:
    """The mixup-augment command that gives these shards again.

    A TFDS source goes by its name. Of TFRecord files the folder is not kept, so FOLDER stands for it, and the schema is
    told by keys.
    """
    config, schema, name = manifest["config"], manifest["source"]["schema"], manifest["name"].removesuffix("_mixup")
    files = [file["name"] for file in manifest["source"]["files"]]
    words = ["mixup-augment"]
    if all(file.startswith(f"{name}-{manifest['split']}.tfrecord-") for file in files):
        words += ["--src", name]
    else:
        words += ["--src", f"FOLDER/{files[0]}" if len(files) == 1 else f"FOLDER/{_beginning(files)}*"]
        words += ["--image-key", schema["input_key"], "--label-key", schema["label_key"]]
        words += ["--num-classes", str(schema["num_classes"])]
    if manifest["split"] != "train":
        words += ["--split", manifest["split"]]
        if re.match("test|val|eval|dev", manifest["split"], re.IGNORECASE):
            words.append("--allow-eval-split")
    usual = MixConfig()
    for option in MixConfig.__dataclass_fields__:
        value = config[option]
        if option == "keep_originals":
            words += ["--keep-originals"] if value else []
        elif option == "label_format" and value == settled_label_format(usual, manifest["num_classes"]):
            continue
        elif option == "alpha" or value not in (getattr(usual, option), None):
            words += ["--" + option.replace("_", "-"), f"{value:g}" if isinstance(value, float) else str(value)]
    return shlex.join([*words, "--out", "shards/"])


def _beginning(names: Sequence[str]) -> str:
    """What all of these names start with."""
    first, last = min(names), max(names)
    same = [a == b for a, b in zip(first, last, strict=False)]
    return first[: same.index(False)] if False in same else first[: len(same)]
