"""Directories of format version 2, as released versions wrote them: they stay readable and verify.

data/format_2 was made by the last version that wrote the format. Its images have an alpha channel, which that version
mixed without regard to opacity.
"""

from pathlib import Path

import numpy as np

from mixup_pipeline import SourceConfig
from mixup_pipeline.dataset.manifest import read_manifest
from mixup_pipeline.dataset.mixed_examples import load_examples, sample_locations
from mixup_pipeline.dataset.overview import read_overview
from mixup_pipeline.dataset.parents import find_parents
from mixup_pipeline.dataset.verify import verify
from mixup_pipeline.report.text import overview_text

DATA = Path(__file__).parents[1] / "data/format_2"
OUT = DATA / "shards"


def test_it_verifies_against_its_source() -> None:
    verdict = verify(OUT, against=SourceConfig(src=str(DATA / "shapes")))
    assert (verdict.faults, verdict.wrong_source) == ([], None)
    assert (verdict.records, verdict.recomputed) == (24, 24)


def test_it_can_be_looked_at_with_its_parents() -> None:
    manifest = read_manifest(OUT)
    assert (manifest.format_version, manifest.source.origin, manifest.shape) == (2, None, (6, 5, 4))
    assert "12 examples 6x5x4" in overview_text(read_overview(OUT))
    parents = find_parents(manifest, data_dir=str(DATA))
    examples = load_examples(OUT, manifest, sample_locations(manifest, count=5, seed=0), parents)
    for example in examples:
        assert example.base is not None
        assert example.partner is not None
        lam, rest = np.float32(example.lam), np.float32(1) - np.float32(example.lam)
        straight = np.rint(lam * example.base.astype(np.float32) + rest * example.partner.astype(np.float32))
        assert (example.found.input == straight).all()
