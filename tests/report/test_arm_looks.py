"""Every arm has a look of its own that stands out from its ground."""

from collections.abc import Sequence
from itertools import combinations

import cv2
import numpy as np
import pytest

from mixup_pipeline.report.arm_looks import ArmLook, arm_looks
from mixup_pipeline.report.figures import DARK, LIGHT, Theme
from tests.report.contrast import contrast, rgb

KNOWN = ("baseline", "any", "within-class", "cross-class", "online")
OTHERS = tuple(f"policy-{number}" for number in range(1, 8))


def looks(arms: Sequence[str]) -> list[ArmLook]:
    return list(arm_looks(arms).values())


def test_known_arms_keep_their_looks_whatever_stands_beside_them() -> None:
    alone, among = arm_looks(KNOWN), arm_looks((*OTHERS, *KNOWN[::-1]))
    assert all(alone[arm] == among[arm] for arm in KNOWN)
    assert [look.on_light for look in alone.values()] == ["#656d76", "#2f6fb0", "#2f7d42", "#c2571a", "#8246af"]
    assert [look.on_dark for look in alone.values()] == ["#9198a1", "#6cb0f5", "#5fc279", "#f0965a", "#c99bf2"]
    assert [look.marker for look in alone.values()] == ["s", "o", "^", "D", "v"]


def test_looks_come_in_the_order_of_the_arms_with_their_names() -> None:
    arms = (OTHERS[0], "baseline", OTHERS[1])
    assert tuple(arm_looks(arms)) == tuple(look.arm for look in looks(arms)) == arms


@pytest.mark.parametrize("count", [1, 12, 720])
def test_every_look_is_unique(count: int) -> None:
    found = looks((*KNOWN, *(f"policy-{number}" for number in range(count))))
    for colour in ("on_light", "on_dark"):
        assert len({(getattr(look, colour), look.dash, look.marker) for look in found}) == len(found)


def test_looks_never_run_out() -> None:
    found = looks([f"policy-{number}" for number in range(721)])
    assert (found[720].on_light, found[720].dash, found[720].marker) == (
        found[0].on_light,
        found[0].dash,
        found[0].marker,
    )


def test_twelve_arms_differ_in_colour_and_without_colours() -> None:
    found = looks((*KNOWN, *OTHERS))
    assert len({(str(look.dash), look.marker) for look in found}) == 12
    for theme in (LIGHT, DARK):
        colours = np.array([[rgb(look.colour(theme)) for look in found]], np.float32) / 255
        lab = cv2.cvtColor(colours, cv2.COLOR_RGB2Lab)[0]
        distances = [np.linalg.norm(first - second) for first, second in combinations(lab, 2)]
        assert min(distances) > 20  # CIELAB: ten times what an eye tells apart side by side


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_colours_stand_out_from_their_ground(theme: Theme) -> None:
    known = [contrast(rgb(look.colour(theme)), rgb(theme.paper)) for look in looks(KNOWN)]
    others = [contrast(rgb(look.colour(theme)), rgb(theme.paper)) for look in looks([f"p{n}" for n in range(144)])]
    assert min(known) > 4.45  # cross-class has 4.49
    assert min(others) >= 4.5
