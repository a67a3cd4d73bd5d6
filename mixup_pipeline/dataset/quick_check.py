"""Quick check: compare a directory with its manifest by names and sizes, without reading a record.

`verify` makes these checks too, and then reads every record.
"""

import re
from collections.abc import Sequence
from typing import Any

from mixup_pipeline.config.typed_json import from_json
from mixup_pipeline.dataset.descriptions import description_texts
from mixup_pipeline.dataset.left_out import SKIPPED_NAME, left_out_summary
from mixup_pipeline.dataset.manifest import (
    DESCRIPTION_BYTES,
    MANIFEST_NAME,
    WORK_NAME,
    Manifest,
    identify,
    read_manifest_json,
)
from mixup_pipeline.dataset.manifest_schema import manifest_schema
from mixup_pipeline.errors import ManifestError, MixupError, first_line, printable
from mixup_pipeline.sources.tfds_features import FEATURES_NAME
from mixup_pipeline.sources.tfds_info import INFO_NAME
from mixup_pipeline.spec import counted, shape_text
from mixup_pipeline.storage.atomic import sizes
from mixup_pipeline.storage.places import Place
from mixup_pipeline.storage.small_file import read_small

_MASS_TOLERANCE = 1e-4
_SURROGATE = re.compile("[\ud800-\udfff]")
_VERSION = re.compile(r"\d[\w.+!-]{0,60}", re.ASCII)


def sound_manifest(out: Place) -> Manifest:
    """Read the manifest of a directory.

    Raises ManifestError if there is none, or it contradicts its schema or itself.
    """
    manifest, faults = checked_manifest(out)
    if manifest is None or faults:
        more = f" (and {len(faults) - 1} more faults)" if len(faults) > 1 else ""
        raise ManifestError(f"{out}: {faults[0]}{more}: make the directory again")
    return manifest


def quick_check(out: Place, manifest: Manifest) -> list[str]:
    """The faults in the names and sizes of a directory's files, one line each. The manifest itself must be valid."""
    return description_faults(out, manifest) + folder_faults(out, manifest) + size_faults(out, manifest)


def checked_manifest(out: Place) -> tuple[Manifest | None, list[str]]:
    """Read and check the manifest of a directory: the manifest, None if its schema is violated; and its faults.

    Raises ManifestError if there is no manifest to check.
    """
    fields = read_manifest_json(out)
    faults = schema_faults(fields)
    if faults:
        return None, faults
    try:
        manifest = from_json(fields, Manifest)
    except (ValueError, MixupError) as error:  # rules that JSON Schema cannot express
        return None, [f"{MANIFEST_NAME}: {first_line(error)}"]
    return manifest, contradictions(manifest)


def schema_faults(fields: Any) -> list[str]:
    """The violations of the manifest schema in JSON values, one line each."""
    from jsonschema_rs import Draft202012Validator

    try:
        errors = Draft202012Validator(manifest_schema()).iter_errors(fields)
        found = [f"{_json_path(error.instance_path)}: {error.message[:200]}" for error in errors]
    except ValueError as error:  # nested too deeply, or text that no UTF-8 can hold
        found = [f"is not the JSON of a manifest ({first_line(error)})"]
    return [f"{MANIFEST_NAME}: {printable(fault)}" for fault in found]


def _json_path(steps: Sequence[str | int]) -> str:
    return "$" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)


def contradictions(manifest: Manifest) -> list[str]:
    """The contradictions within a manifest, one line each. If there are any, nothing can be checked against it."""
    shards, passes, source = manifest.shards, manifest.num_passes, manifest.source
    total = passes * (manifest.config.num_shards or 1)
    if total != len(shards):
        return [f"{MANIFEST_NAME}: lists {len(shards)} shards, but its config makes {total}"]
    faults = []
    if [(shard.name, shard.copy) for shard in shards] != manifest.shard_names():
        faults.append(f"{MANIFEST_NAME}: does not list the {total} shards that its config makes")
    if sum(shard.examples for shard in shards) != source.examples * passes:
        faults.append(f"{MANIFEST_NAME}: its shards do not add up to {passes} passes over its source")
    if len(manifest.shape) != len(source.schema.shape):
        shapes = shape_text(manifest.shape), shape_text(source.schema.shape)
        return [f"{MANIFEST_NAME}: shape is {shapes[0]}, but its source has {shapes[1]}"]
    if manifest.num_classes != source.schema.num_classes:
        faults.append(
            f"{MANIFEST_NAME}: num_classes is {manifest.num_classes}, but its source has {source.schema.num_classes}"
        )
    used = sum(file.examples for file in source.files)
    if source.examples != min(used, manifest.config.limit or used):
        faults.append(f"{MANIFEST_NAME}: source.examples is {source.examples}, but its files hold {used}")
    faults += _name_faults(manifest)
    faults += _totals_sizes(manifest) or _totals_sums(manifest)
    if manifest.run_id != identify(manifest.name, manifest.split, manifest.config, source, manifest.format_version):
        faults.append(f"{MANIFEST_NAME}: run_id does not follow from its config and source: it was edited")
    return faults


def _name_faults(manifest: Manifest) -> list[str]:
    """What is wrong with the names of classes and the versions, which the run id does not cover."""
    faults, names = [], manifest.class_names
    if names is not None and len(names) != manifest.num_classes:
        faults.append(f"{MANIFEST_NAME}: class_names holds {len(names)} names, num_classes is {manifest.num_classes}")
    if any(_SURROGATE.search(name) for name in names or ()):
        faults.append(f"{MANIFEST_NAME}: class_names holds a name that is no UTF-8 text")
    wrong = next((name for name, text in manifest.versions.items() if not _VERSION.fullmatch(text)), None)
    if wrong is not None:
        faults.append(f"{MANIFEST_NAME}: versions.{printable(wrong)} is no version")
    return faults


def _totals_sizes(manifest: Manifest) -> list[str]:
    """The totals that do not have one value for each class, or for each pair of classes."""
    totals, num_classes = manifest.totals, manifest.num_classes
    pairs = totals.class_pairs or []
    sizes: dict[str, Sequence[Any] | None] = {"base_counts": totals.base_counts, "label_mass": totals.label_mass}
    sizes |= {"class_pairs": totals.class_pairs} | {f"class_pairs.{base}": row for base, row in enumerate(pairs)}
    return [
        f"{MANIFEST_NAME}: totals.{key} holds {counted(len(values), 'value')}, should hold {num_classes}, one for each "
        f"class"
        for key, values in sizes.items()
        if values is not None and len(values) != num_classes
    ]


def _totals_sums(manifest: Manifest) -> list[str]:
    """The totals that contradict other totals."""
    totals, shards = manifest.totals, manifest.shards
    mixed, made = totals.mixed, totals.mixed + totals.unmixed
    bases, mass, pairs = totals.base_counts, totals.label_mass, totals.class_pairs
    consistent = {
        "examples": totals.examples == made + totals.originals == sum(shard.examples for shard in shards),
        "nearly_unmixed": totals.nearly_unmixed <= mixed,
        "lam_mean": (totals.lam_mean is None) == (mixed == 0),
        "lam_histogram": sum(totals.lam_histogram) == mixed,
        "class_pairs": pairs is None or sum(map(sum, pairs)) == mixed,
        "base_counts": bases is None or sum(bases) == made,
        "label_mass": mass is None or abs(sum(mass) - made) <= _MASS_TOLERANCE * made,
    }
    return [
        f"{MANIFEST_NAME}: totals.{key} is not what the records add up to according to the other totals"
        for key, fine in consistent.items()
        if not fine
    ]


def description_faults(out: Place, manifest: Manifest) -> list[str]:
    """The JSON files that do not hold the very bytes that describe the dataset; other bytes may say other things."""
    faults = []
    for name, text in description_texts(manifest).items():
        wrong = (
            "is not written as mixup-augment writes it" if name == MANIFEST_NAME else "does not describe this dataset"
        )
        try:
            if read_small(out / name, DESCRIPTION_BYTES).decode() != text:
                faults.append(f"{name}: {wrong}")
        except (OSError, ValueError) as error:
            faults.append(f"{name}: cannot be read ({first_line(error)})")
    return faults + _skipped_faults(out, manifest)


def _skipped_faults(out: Place, manifest: Manifest) -> list[str]:
    """What is wrong with the list of bad records. Directories made before there was one have none."""
    listed = manifest.source.left_out
    if listed is None:
        return []
    try:
        found = left_out_summary(read_small(out / SKIPPED_NAME, DESCRIPTION_BYTES).decode())
    except (OSError, ValueError) as error:
        return [f"{SKIPPED_NAME}: cannot be read ({first_line(error)})"]
    if found != listed or sum(listed.reasons.values()) != manifest.source.skipped:
        return [f"{SKIPPED_NAME}: is not the list of the bad records that were left out"]
    return []


def folder_faults(out: Place, manifest: Manifest) -> list[str]:
    """The files in the directory that do not belong to the dataset."""
    known = {shard.name for shard in manifest.shards} | {MANIFEST_NAME, INFO_NAME, FEATURES_NAME, WORK_NAME}
    known |= set() if manifest.source.left_out is None else {SKIPPED_NAME}
    try:
        names = sorted(path.name for path in out.iterdir())
    except OSError as error:
        return [f"its files cannot be listed ({(error.strerror or first_line(error)).lower()})"]
    return [f"{name}: does not belong to the dataset" for name in names if name not in known]


def size_faults(out: Place, manifest: Manifest) -> list[str]:
    """The shards that are missing or do not have the size in the manifest."""
    try:
        faults, present = [], sizes(out)
    except OSError:
        return []  # `folder_faults` says so
    for shard in manifest.shards:
        size = present.get(shard.name)
        if size is None:
            faults.append(f"{shard.name}: is missing")
        elif size != shard.bytes:
            faults.append(f"{shard.name}: has {size:,} bytes, the manifest says {shard.bytes:,}")
    return faults
