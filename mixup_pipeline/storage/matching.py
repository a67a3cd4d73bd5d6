"""Which files match a pattern, local or in a store."""

import glob
from pathlib import Path

from mixup_pipeline.storage.patterns import WILDCARD
from mixup_pipeline.storage.places import ObjectPath, Place


def matching(pattern: Place) -> list[Place]:
    """The files that match a glob pattern, or the one file of that name, in no particular order."""
    if isinstance(pattern, ObjectPath):
        if not WILDCARD.search(pattern.key):
            return [pattern] if pattern.is_file() else []
        return list(ObjectPath(pattern.scheme, pattern.bucket, "").glob(pattern.key))
    found: list[Place] = [Path(path) for path in glob.glob(str(pattern), recursive=True) if Path(path).is_file()]
    return found or [path for path in [pattern] if path.is_file()]
