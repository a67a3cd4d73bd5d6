"""The manifest: the last file written, and the promise that a directory is complete and bit-exact.

`manifest.json` holds no path, host or time, so that equal runs have equal manifests. Its JSON Schema ships as
`schemas/manifest.schema.json`. Beside it stand `dataset_info.json` and `features.json`, with which
`tfds.builder_from_directory` opens the shards.
"""

import hashlib
import json
from typing import Any

from mixup_pipeline.errors import ManifestError
from mixup_pipeline.storage.places import Place

FORMAT_VERSION = 2
MANIFEST_NAME = "manifest.json"
WORK_NAME = ".work"
"""The folder of an unfinished run, beside its shards."""


Manifest = dict[str, Any]


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


def identify(name: str, split: str, config: dict[str, Any], source: dict[str, Any]) -> str:
    """The run id of what a manifest describes: sha256 over all that decides the bytes of the output."""
    identity = [FORMAT_VERSION, name, split, config, source]
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()
