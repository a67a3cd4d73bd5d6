"""The arms that are compared where none are asked for: those that fit the labels of the source."""

from mixup_pipeline.comparison.cells import known_arms
from mixup_pipeline.config import SourceConfig
from mixup_pipeline.config.registry import LABEL_KINDS, PAIRINGS
from mixup_pipeline.mixing.pairing import Policy
from mixup_pipeline.sources import open_source

_OF_VALUES = "near-label"


def fitting_arms(config: SourceConfig) -> tuple[tuple[str, ...], str | None]:
    """The known arms without pairings that need classes, where labels are none; near-label where they are one value.

    Returns the arms, and what is said of those that are left out. Raises UsageError or SourceError if the source cannot
    be opened.
    """
    spec = open_source(config).spec
    arms: list[str] = []
    left_out: list[str] = []
    for arm in known_arms():
        policy: Policy | None = PAIRINGS.get(arm)
        fits = policy is None or not policy.needs_classes or LABEL_KINDS[spec.label_kind].has_classes
        (arms if fits else left_out).append(arm)
    if spec.label_kind == "regression" and spec.num_classes == 1:
        arms.append(_OF_VALUES)
    if not left_out:
        return tuple(arms), None
    return tuple(arms), f"left out, as they pair by class and labels are {spec.label_kind}: {', '.join(left_out)}"
