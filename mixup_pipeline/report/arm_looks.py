"""How an arm looks: the same colour, dash and marker in every picture of a comparison.

The five arms of this package have fixed looks. Any other arm gets the next one. Its colour is the one farthest from all
that are taken, among colours that stand out from both grounds (contrast of at least 4.5, as WCAG 2 asks of text).
Dashes and markers take turns, so that arms can be told apart without colours too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from matplotlib.colors import to_hex, to_rgb

from mixup_pipeline.report.figures import LIGHT, Theme

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class ArmLook:
    """An arm's name, its colour on a light and on a dark ground, the dash of its lines and the marker of its points.

    dash and marker: as matplotlib takes them.
    """

    arm: str
    on_light: str
    on_dark: str
    dash: Any
    marker: Any

    def colour(self, theme: Theme) -> str:
        """The colour on the ground of a theme."""
        return self.on_light if theme is LIGHT else self.on_dark


_KNOWN = {
    look.arm: look
    for look in (
        ArmLook(arm="baseline", on_light="#656d76", on_dark="#9198a1", dash=(0, (4, 2)), marker="s"),
        ArmLook(arm="any", on_light="#2f6fb0", on_dark="#6cb0f5", dash="-", marker="o"),
        ArmLook(arm="within-class", on_light="#2f7d42", on_dark="#5fc279", dash=(0, (1, 1.2)), marker="^"),
        ArmLook(arm="cross-class", on_light="#c2571a", on_dark="#f0965a", dash=(0, (5, 1.5, 1, 1.5)), marker="D"),
        ArmLook(arm="online", on_light="#8246af", on_dark="#c99bf2", dash=(0, (8, 1.5)), marker="v"),
    )
}
_FURTHER_DASHES: tuple[Any, ...] = (
    "-",
    (0, (2.5, 1.2)),
    (0, (6, 1.5, 1, 1.5, 1, 1.5)),
    (0, (10, 2, 3, 2)),
    (0, (1, 2.5)),
)
_FURTHER_MARKERS: tuple[Any, ...] = ("P", "X", "*", "p", "<", ">", "h", "8")
"""Five dashes and eight markers: forty pairs before the first pair comes again."""

_HUES = 72
_LIGHTNESS = ((47, 68), (33, 85))
"""CIELAB lightness on a light and on a dark ground, in two tones; lightness alone decides the contrast."""
_CHROMA = 45


def arm_looks(arms: Sequence[str]) -> dict[str, ArmLook]:
    """The looks of the arms of one comparison, by arm and in their order.

    The first 720 arms that are not known have looks of their own; after them the looks come again.
    """
    others = [arm for arm in arms if arm not in _KNOWN]
    looks = _KNOWN | {arm: _further_look(arm, number) for number, arm in enumerate(others)}
    return {arm: looks[arm] for arm in arms}


def _further_look(arm: str, number: int) -> ArmLook:
    colours = _further_colours()
    on_light, on_dark = colours[number % len(colours)]
    return ArmLook(
        arm=arm,
        on_light=on_light,
        on_dark=on_dark,
        dash=_FURTHER_DASHES[number % len(_FURTHER_DASHES)],
        marker=_FURTHER_MARKERS[number % len(_FURTHER_MARKERS)],
    )


@cache
def _further_colours() -> tuple[tuple[str, str], ...]:
    """Further colours as (on light, on dark): each is the one farthest from the known ones and from those before it."""
    candidates = _candidate_colours()  # (n, 2, 3)
    known = np.array([[to_rgb(look.on_light), to_rgb(look.on_dark)] for look in _KNOWN.values()])
    lab = _rgb_to_lab(candidates)
    distances = _distances(lab, _rgb_to_lab(known)).min(1)
    colours = []
    for _ in candidates:
        farthest = distances.argmax()
        distances = np.minimum(distances, _distances(lab, lab[farthest : farthest + 1])[:, 0])
        colours.append((to_hex(candidates[farthest, 0]), to_hex(candidates[farthest, 1])))
    return tuple(colours)


def _candidate_colours() -> Floats:
    """float32(144, 2, 3): every hue in both tones, on a light and on a dark ground, RGB from 0 to 1."""
    angles = 2 * np.pi * np.arange(_HUES) / _HUES
    chroma = _CHROMA * np.stack([np.cos(angles), np.sin(angles)], -1)  # (hues, 2)
    lab = [[(lightness, *ab) for lightness in tone] for ab in chroma for tone in _LIGHTNESS]
    return np.asarray(cv2.cvtColor(np.array(lab, np.float32), cv2.COLOR_Lab2RGB).clip(0, 1))


def _rgb_to_lab(rgb: npt.NDArray[Any]) -> Floats:
    """CIELAB of colours (n, 2, 3), RGB from 0 to 1: equal distances look about equally large."""
    return np.asarray(cv2.cvtColor(rgb.astype(np.float32), cv2.COLOR_RGB2Lab))


def _distances(colours: Floats, others: Floats) -> Floats:
    """(n, m) distances of colours (n, 2, 3) and (m, 2, 3) in CIELAB, on the ground where they are nearer."""
    return np.asarray(np.linalg.norm(colours[:, None] - others, axis=3).min(2))
