"""Draw: which examples are mixed with each other, and with which weights. Nothing is mixed here."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from mixup_pipeline.mixing.methods import Drawn, Method
from mixup_pipeline.mixing.randomness import uniform
from mixup_pipeline.mixing.views import BASE, PARTNER, Views, draw_views

Slots = npt.NDArray[np.int64]
BASE_VIEW, PARTNER_VIEW = "mixup/base_view", "mixup/partner_view"


@dataclass(frozen=True, kw_only=True)
class Draw:
    """Pairs and weights of n mixed examples.

    base, partner: int64[n] slots. lam: float32[n] weights of the bases. extra: the method's other draws by key, (n, …)
    each. views: those of bases and partners by key, int64(n, 5), if images are augmented. An example that is left
    unmixed has lam = 1, is its own partner in the same view, and has zeros in `extra`.
    """

    base: Slots
    partner: Slots
    lam: npt.NDArray[np.float32]
    extra: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)
    views: Mapping[str, Views] = field(default_factory=dict)

    @classmethod
    def unmixed(cls, base: Slots, method: Method, seen_as: Views | None = None) -> "Draw":
        """The draw that leaves every example as it is. seen_as: the views of all, if others are augmented."""
        fields = method.fields.items()
        extra = {key: np.zeros((len(base), *shape), np.dtype(content)) for key, (content, shape) in fields}
        draw = cls(base=base, partner=base, lam=np.ones(len(base), np.float32), extra=extra)
        return draw if seen_as is None else draw.viewed(seen_as, seen_as)

    @classmethod
    def of(cls, base: Slots, partner: Slots, drawn: Drawn, mixed: npt.NDArray[np.bool_]) -> "Draw":
        """The draw in which only some examples are mixed.

        partner: int64[n] slots. mixed: bool[n]; where it is false, or an example is its own partner, the example stays
        unmixed.
        """
        mixed = mixed & (partner != base)
        return cls(
            base=base,
            partner=np.where(mixed, partner, base),
            lam=np.where(mixed, drawn.lam, 1).astype(np.float32),
            extra={
                key: np.where(mixed.reshape(-1, *[1] * (values.ndim - 1)), values, 0).astype(values.dtype)
                for key, values in drawn.extra.items()
            },
        )

    def __getitem__(self, rows: "slice | Slots") -> "Draw":
        return Draw(
            base=self.base[rows],
            partner=self.partner[rows],
            lam=self.lam[rows],
            extra={key: values[rows] for key, values in self.extra.items()},
            views={key: values[rows] for key, values in self.views.items()},
        )

    def viewed(self, base: Views, partner: Views) -> "Draw":
        """The same with these views; of an example that is left unmixed the base's counts for both."""
        unmixed = (self.base == self.partner)[:, None]
        return replace(self, views={BASE_VIEW: base, PARTNER_VIEW: np.where(unmixed, base, partner)})


def draw_slots(
    base: Slots,
    partner: Slots,
    method: Method,
    *,
    alpha: float,
    prob: float,
    shape: tuple[int, ...],
    seed: int,
    copy: int,
    augment: Collection[str] = (),
) -> Draw:
    """The draw of one copy, in slot order. base: consecutive slots. partner: those they are paired with.

    augment: how views are drawn, if at all.
    """
    start, stop, key = int(base[0]), int(base[-1]) + 1, {"seed": seed, "copy": copy}
    drawn = method.draw(start, stop, alpha=alpha, shape=shape, **key)
    draw = Draw.of(base, partner, drawn, draw_mixed(start, stop, prob=prob, **key))
    if not augment:
        return draw
    views = [draw_views(start, stop, augment=augment, shape=shape, use=use, **key) for use in (BASE, PARTNER)]
    return draw.viewed(*views)


def draw_mixed(start: int, stop: int, *, prob: float, seed: int, copy: int) -> npt.NDArray[np.bool_]:
    """Draw which of the slots [start, stop) are mixed: bool[stop − start], true with probability `prob`."""
    return uniform(start, stop, seed, "prob", copy) < prob
