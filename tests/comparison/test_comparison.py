"""What a comparison is known by."""

from typing import Any

import pytest

from mixup_pipeline import SourceConfig
from mixup_pipeline.comparison.comparison import described

SIZED = {"image_size": "224x224", "resize": None, "channels": None, "exif": None}


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({}, {**SIZED, "image_size": None}),
        ({"channels": "auto", "exif": "apply"}, {**SIZED, "image_size": None}),
        ({"image_size": "224"}, SIZED),
        ({"image_size": "224x224", "resize": "crop"}, SIZED),
        ({"image_size": "224", "resize": "pad", "channels": "3"}, {**SIZED, "resize": "pad", "channels": "3"}),
        ({"exif": "ignore"}, {**SIZED, "image_size": None, "exif": "ignore"}),
    ],
)
def test_what_is_asked_is_kept_in_one_form(given: dict[str, Any], kept: dict[str, str | None]) -> None:
    found = described(SourceConfig(src="mnist", **given))
    assert {name: found[name] for name in kept} == kept
