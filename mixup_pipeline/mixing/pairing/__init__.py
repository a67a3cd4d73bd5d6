"""Pairing: which examples are mixed with each other. Pure NumPy, over the whole dataset.

Each policy has its own file and is registered in `config.registry.PAIRINGS`. Every policy guarantees that

- in each copy, every example is the base once;
- copy c stays the same when more copies are requested;
- the result depends on the arguments only.

Of `any`, `within-class` and `cross-class`, every example is the partner once too, and copies use different partners as
long as there are enough of them. `class-balanced` and `near-label` draw partners with replacement.

Rejected: pairing within a bucket or a batch (a batch of 256 from 1,000 classes has few same-class pairs), reversing the
order (the same two examples meet twice).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mixup_pipeline.config import MixConfig
from mixup_pipeline.errors import UsageError

ClassIds = npt.NDArray[np.int32]
"""int32[N] class ids in slot order. All are NO_CLASS if the source has no classes; of real-valued labels they are the
bits of the first value as float32."""
Partners = npt.NDArray[np.int64]
"""int64[N]: for each slot, the slot of its partner."""
Earlier = Sequence[npt.NDArray[np.int64 | np.int32]]
"""The pairings of the earlier copies, in order."""


class PairingError(UsageError):
    """Examples cannot be paired because of one class. template: the message, with {} in place of the class."""

    def __init__(self, template: str, class_id: int) -> None:
        super().__init__(template.format(class_id))
        self._template, self._class_id = template, class_id

    def named(self, class_names: Sequence[str] | None) -> UsageError:
        """The error with the name of the class, where it has one."""
        name = f"{self._class_id}" if class_names is None else repr(class_names[self._class_id])
        return UsageError(self._template.format(name))


@dataclass(frozen=True, kw_only=True)
class Policy:
    """One way to pair.

    pair: (class_ids, copy, seed, earlier) → partners. check: (class_ids, copies); raises UsageError if these examples
    cannot be paired for that many copies, a PairingError where one class is the reason. needs_classes: whether labels
    must be class ids. needs_values: whether they must be one real value. needs_groups: whether
    it pairs by groups, whose numbers then stand in place of class ids. uses_earlier: whether `pair` needs the
    pairings of earlier copies; if not, `earlier` is empty. options: the fields of MixConfig that both functions take as
    keywords.
    """

    pair: Callable[..., Partners]
    check: Callable[..., None] = lambda class_ids, copies: None
    needs_classes: bool = True
    needs_values: bool = False
    needs_groups: bool = False
    uses_earlier: bool = False
    options: tuple[str, ...] = ()

    def partners(self, class_ids: ClassIds, copy: int, config: MixConfig, earlier: Earlier) -> Partners:
        """The pairing of one copy."""
        return self.pair(class_ids, copy, config.seed, earlier, **self._chosen(config))

    def check_pairable(self, class_ids: ClassIds, config: MixConfig, class_names: Sequence[str] | None) -> None:
        """Raise UsageError, which names the class that is the reason, if these examples cannot be paired."""
        try:
            self.check(class_ids, config.copies, **self._chosen(config))
        except PairingError as error:
            raise error.named(class_names) from None

    def _chosen(self, config: MixConfig) -> dict[str, Any]:
        return {name: getattr(config, name) for name in self.options}
