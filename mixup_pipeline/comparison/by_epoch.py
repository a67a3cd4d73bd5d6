"""From the histories of the runs to what changed with training: paired differences to the baseline at each look."""

from collections.abc import Mapping, Sequence

from mixup_pipeline.comparison.statistics import Bounds, Difference, difference

History = Sequence[Mapping[str, float]]


def differences_by_look(
    histories: Sequence[History], others: Sequence[History], measure: str, within: Bounds
) -> list[Difference]:
    """The paired difference of a measure at each look that both arms have. The histories are in one order of seeds.

    others: of the baseline. within: the bounds of the measure.
    """
    looks = min(map(len, (*histories, *others)))
    values, baseline = (
        [[float(history[look][measure]) for history in side] for look in range(looks)] for side in (histories, others)
    )
    return [difference(here, there, within) for here, there in zip(values, baseline, strict=True)]
