"""Mixing methods: what is drawn for each example, and how the draw mixes two inputs.

Each method has its own file and is registered in `config.registry.METHODS`. Drawing and mixing are separate: `draw` is
a function of (seed, copy, slot), and `mix` uses no randomness. So a record can be mixed again from what it stores.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]
Extra = Mapping[str, npt.NDArray[Any]]
"""What a method draws besides λ, by the key of the feature that stores it: (n, …) each."""


MixFunction = Callable[[npt.NDArray[Any], Rows, Rows, Floats, Extra], npt.NDArray[Any]]


@dataclass(frozen=True)
class Drawn:
    """What was drawn for n examples.

    lam: float64[n] weights of the bases. extra: one array for each of `Method.fields`.
    """

    lam: npt.NDArray[np.float64]
    extra: Extra = field(default_factory=dict)


class DrawFunction(Protocol):
    """Draws for the slots [start, stop) of one copy. shape: the shape of one example."""

    def __call__(
        self, start: int, stop: int, *, alpha: float, seed: int, copy: int, shape: tuple[int, ...]
    ) -> Drawn: ...


@dataclass(frozen=True, kw_only=True)
class Method:
    """One way to mix.

    draw: a `DrawFunction`. λ is the weight of the base in the label. A method that mixes areas must therefore return
    the share of the area that the base really keeps.
    mix: (inputs (m, …), base rows int64[n], partner rows int64[n], lam float32[n], extra) → mixed inputs (n, …) of the
    same dtype. Where base and partner are the same row, it returns that input unchanged.
    mix_format_2: as mix, where directories of format version 2 were mixed otherwise.
    fields: the features that records keep besides λ. Keys start with "mixup/". Each value is the content ("int64", from
    0 to 2**31 − 1, or "float32") and the shape of one example's values. Examples left unmixed hold zeros there.
    """

    draw: DrawFunction
    mix: MixFunction
    mix_format_2: MixFunction | None = None
    fields: Mapping[str, tuple[Any, tuple[int, ...]]] = field(default_factory=dict)
