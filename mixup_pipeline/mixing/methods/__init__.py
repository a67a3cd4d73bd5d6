"""Mixing methods: what is drawn for each example, and how two inputs are mixed with it.

Each method is a file, registered in `config.registry.METHODS`. Draw first, then apply: `draw` is a function of
(seed, copy, slot), and `mix` takes no generator, so that anyone can mix a record again from what it stores.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]
Extra = Mapping[str, npt.NDArray[Any]]
"""What a method draws beside λ, by the keys under which records keep it: (n, …) each."""


@dataclass(frozen=True)
class Drawn:
    """What was drawn for n examples. lam: float64[n] weights of the bases. extra: as `Method.fields` names it."""

    lam: npt.NDArray[np.float64]
    extra: Extra = field(default_factory=dict)


class DrawFunction(Protocol):
    """Draws for the slots [start, stop) of one copy. shape: of the examples."""

    def __call__(
        self, start: int, stop: int, *, alpha: float, seed: int, copy: int, shape: tuple[int, ...]
    ) -> Drawn: ...


@dataclass(frozen=True, kw_only=True)
class Method:
    """One way to mix.

    draw: as `DrawFunction`. λ is the weight of the base in the label, so a method that mixes by areas gives the share
    that it really takes.
    mix: (inputs (m, …), base rows int64[n], partner rows int64[n], lam float32[n], extra) → mixed inputs (n, …) of the
    same dtype. Where base and partner are one row, it gives that input unchanged.
    fields: what else a record keeps: by key, below "mixup/", its content ("int64", from 0 to 2**31 − 1, or "float32")
    and the shape of one example's values. Examples left unmixed hold zeros there.
    """

    draw: DrawFunction
    mix: Callable[[npt.NDArray[Any], Rows, Rows, Floats, Extra], npt.NDArray[Any]]
    fields: Mapping[str, tuple[Any, tuple[int, ...]]] = field(default_factory=dict)
