"""Redrawing: a manifest that claims other options than its records were made with is found, though its run id fits."""

import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mixup_pipeline.dataset.descriptions import description_texts
from mixup_pipeline.dataset.manifest import Manifest, identify
from mixup_pipeline.dataset.verify import verify
from mixup_pipeline.errors import MixupError
from mixup_pipeline.sources import scan
from mixup_pipeline.sources.scan import scan_file
from tests.mixed import KINDS, Mixed


def forge(made: Mixed, **changes: Any) -> None:
    """Write other options, or another schema, into the manifest, and all that follows from them."""
    manifest = made.manifest
    config = replace(manifest.config, **{key: value for key, value in changes.items() if key != "schema"})
    source = msgspec.structs.replace(manifest.source, schema=changes.get("schema", manifest.source.schema))
    run_id = identify(manifest.name, manifest.split, config, source)
    forged: Manifest = msgspec.structs.replace(manifest, config=config, source=source, run_id=run_id)
    for name, text in description_texts(forged).items():
        (made.out / name).write_text(text)


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_mixed_is_drawn_again_the_same(mixed: Callable[[str], Mixed], kind: str) -> None:
    made = mixed(kind)
    assert verify(made.out, against=made.source).faults == []


@pytest.mark.parametrize(
    "changes",
    [{"seed": 12345}, {"alpha": 0.7}, {"prob": 0.5}, {"pairing": "cross-class"}, {"pairing": "within-class"}],
    ids=str,
)
def test_other_options_with_a_fitting_run_id_are_found(
    mixed: Callable[[str], Mixed], tmp_path: Path, changes: dict[str, Any]
) -> None:
    made = mixed("raw").copy(tmp_path)
    assert getattr(made.manifest.config, next(iter(changes))) != next(iter(changes.values()))
    forge(made, **changes)
    assert verify(made.out).faults == []  # the directory alone is in order
    faults = verify(made.out, against=made.source).faults
    assert faults
    assert all("the manifest's seed and options draw" in fault or "cannot be paired" in fault for fault in faults)


def test_another_schema_with_a_fitting_run_id_is_found(mixed: Callable[[str], Mixed], tmp_path: Path) -> None:
    made = mixed("raw").copy(tmp_path)
    forge(made, schema=replace(made.manifest.source.schema, label_key="other"))
    faults = verify(made.out, against=made.source).faults
    assert faults == [f"manifest.json: source.schema is not that of {made.source.src}: label_key differs"]


@pytest.mark.parametrize("more", [1, 100, 10**9])
def test_more_examples_than_the_source_holds_are_found_before_they_cost_memory(
    mixed: Callable[[str], Mixed], tmp_path: Path, more: int
) -> None:
    made = mixed("raw").copy(tmp_path)
    manifest = made.manifest
    first, *others = manifest.source.files
    files = (msgspec.structs.replace(first, examples=first.examples + more), *others)
    source = msgspec.structs.replace(manifest.source, examples=manifest.source.examples + more, files=files)
    grown = {0: manifest.shards[0], 2: manifest.shards[2]}  # the first shard of each copy
    shards = tuple(
        msgspec.structs.replace(shard, examples=shard.examples + more) if shard in grown.values() else shard
        for shard in manifest.shards
    )
    totals = msgspec.structs.replace(
        manifest.totals,
        examples=manifest.totals.examples + 2 * more,
        mixed=manifest.totals.mixed + 2 * more,
        lam_histogram=(manifest.totals.lam_histogram[0] + 2 * more, *manifest.totals.lam_histogram[1:]),
        base_counts=None,
        label_mass=None,
        class_pairs=None,
    )
    run_id = identify(manifest.name, manifest.split, manifest.config, source)
    forged = msgspec.structs.replace(manifest, source=source, shards=shards, totals=totals, run_id=run_id)
    for name, text in description_texts(forged).items():
        (made.out / name).write_text(text)
    verdict = verify(made.out, against=made.source)
    assert verdict.faults
    told = f"{first.name} has {first.examples:,} records, {first.examples + more:,} were mixed"
    assert f"--against {made.source.src}: is not the source that was mixed: {told}" in str(verdict.wrong_source)


@pytest.mark.parametrize(
    "rewrite",
    [
        lambda text: text.encode("utf-16"),
        lambda text: text.replace('  "split"', '  "split": "train",\n  "split"').encode(),
        lambda text: (text + "\n").encode(),
        lambda text: text.replace(": ", ":", 1).encode(),
    ],
    ids=["utf-16", "a key twice", "a line more", "a space less"],
)
@pytest.mark.parametrize("name", ["manifest.json", "dataset_info.json", "features.json"])
def test_other_bytes_of_the_same_meaning_are_found(
    mixed: Callable[[str], Mixed], tmp_path: Path, rewrite: Callable[[str], bytes], name: str
) -> None:
    made = mixed("raw").copy(tmp_path)
    before = (made.out / name).read_text()
    changed = rewrite(before)
    (made.out / name).write_bytes(changed)
    if changed == before.encode():  # the file has no such key
        return
    try:
        faults = verify(made.out).faults
    except MixupError as error:
        faults = [str(error)]
    assert any(name in fault for fault in faults)


def test_a_compressed_source_leaves_no_copy_in_the_temporary_folder(
    mixed: Callable[[str], Mixed], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even while it is read, so that none stays where the process is killed."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    seen: list[list[Path]] = []

    def noting_scan(*arguments: Any) -> Any:
        seen.append(list(tmp_path.iterdir()))
        return scan_file(*arguments)

    monkeypatch.setattr(scan, "scan_file", noting_scan)
    made = mixed("gzip")
    assert verify(made.out, against=made.source).faults == []
    assert seen == [[]] * len(made.manifest.source.files)
