"""Pairing by group, such as a patient: `cross-group` never pairs within one, `within-group` only there.

They pair as `cross-class` and `within-class` do, with groups in the place of classes.
"""

from dataclasses import replace

from mixup_pipeline.errors import UsageError
from mixup_pipeline.mixing.pairing import ClassIds, PairingError, cross_class, within_class


def _check_apart(group_ids: ClassIds, copies: int) -> None:
    """Raise UsageError if one group holds more than half of the examples."""
    try:
        cross_class.check_cross_class(group_ids, copies)
    except PairingError as error:
        raise UsageError(
            "--pairing cross-group needs every group to hold at most half of the examples, but one holds more: use "
            "--pairing any or within-group"
        ) from error


CROSS = replace(cross_class.POLICY, check=_check_apart, needs_classes=False, needs_groups=True)
WITHIN = replace(within_class.POLICY, needs_classes=False, needs_groups=True)
