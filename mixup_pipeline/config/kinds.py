"""Kinds of option values: which values an option takes, and how other formats say so.

A kind checks a value, and describes its values as JSON Schema and as the regular expression of a flex template's
parameter. It knows nothing of Click or Beam: the commands translate it.
"""

import math
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Protocol

from mixup_pipeline.errors import UsageError

_UNLIMITED = 2**31 - 1
"""Upper bounds from here on only say how large a stored number may be; help texts leave them out."""


def check_number(option: str, value: float, low: float, high: float) -> None:
    """Raises UsageError for a value outside [low, high], or not finite."""
    if not (math.isfinite(value) and low <= value <= high):
        raise UsageError(f"--{option} must be a number from {low:,g} to {high:,g}, got {value}")


def check_integer(option: str, value: int, low: int, high: int) -> None:
    """Raises UsageError for a value outside [low, high], or no whole number."""
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise UsageError(f"--{option} must be a whole number from {low:,} to {high:,}, got {value!r}")


def check_choice(option: str, value: str, choices: Collection[str]) -> None:
    """Raises UsageError for a value that is not one of the choices."""
    if value not in choices:
        raise UsageError(f"--{option} must be one of {', '.join(choices)}, got {value!r}")


class Kind(Protocol):
    """Which values an option takes."""

    @property
    def allowed(self) -> str:
        """The values in words, for help texts; empty where every value of the type is allowed."""

    @property
    def regex(self) -> str | None:
        """What the text of a flex template's parameter must match as a whole; None: any text."""

    def check(self, option: str, value: Any) -> Any:
        """The value in the type that is kept. Raises UsageError naming the option, the values allowed and this one."""

    def schema(self) -> dict[str, Any]:
        """The values as JSON Schema."""


@dataclass(frozen=True)
class Number:
    """Numbers from low to high. They are kept as float: 1 and 1.0 are one configuration."""

    low: float
    high: float

    @property
    def allowed(self) -> str:
        return f"{self.low:,g} to {self.high:,g}"

    @property
    def regex(self) -> str:
        return f"^{'-?' if self.low < 0 else ''}[0-9]*\\.?[0-9]+([eE]-?[0-9]+)?$"

    def check(self, option: str, value: float) -> float:
        check_number(option, value, self.low, self.high)
        return float(value)

    def schema(self) -> dict[str, Any]:
        return {"type": "number", "minimum": self.low, "maximum": self.high}


@dataclass(frozen=True)
class Integer:
    """Whole numbers from low to high."""

    low: int
    high: int

    @property
    def allowed(self) -> str:
        return f"{self.low:,} or more" if self.high >= _UNLIMITED else f"{self.low:,} to {self.high:,}"

    @property
    def regex(self) -> str:
        return f"^{'-?' if self.low < 0 else ''}[0-9]+$"

    def check(self, option: str, value: int) -> int:
        check_integer(option, value, self.low, self.high)
        return value

    def schema(self) -> dict[str, Any]:
        return {"type": "integer", "minimum": self.low, "maximum": self.high}


@dataclass(frozen=True)
class Choice:
    """One of several names. A Registry is asked for its names each time, so that what is registered later counts."""

    choices: Collection[str]

    @property
    def allowed(self) -> str:
        *others, last = self.choices
        return f"{', '.join(others)} or {last}" if others else last

    @property
    def regex(self) -> str:
        return f"^({'|'.join(self.choices)})$"

    def check(self, option: str, value: str) -> str:
        check_choice(option, value, self.choices)
        return value

    def schema(self) -> dict[str, Any]:
        return {"enum": list(self.choices)}


@dataclass(frozen=True)
class Several:
    """Some of several names, one at least, with commas between them. They are kept in the order of `choices`."""

    choices: tuple[str, ...]

    @property
    def allowed(self) -> str:
        return f"some of {', '.join(self.choices)}"

    @property
    def regex(self) -> str:
        one = "|".join(self.choices)
        return f"^({one})(,({one}))*$"

    def check(self, option: str, value: str) -> str:
        names = [name.strip() for name in str(value).split(",")]
        unknown = next((name for name in names if name not in self.choices), None)
        if unknown is not None:
            raise UsageError(f"--{option} must be {self.allowed} with commas between, got {value!r}")
        return ",".join(name for name in self.choices if name in names)

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": self.regex}


@dataclass(frozen=True)
class Switch:
    """True or false: a flag without a value on the command line."""

    @property
    def allowed(self) -> str:
        return ""

    @property
    def regex(self) -> str:
        return "^(true|false)$"

    def check(self, option: str, value: bool) -> bool:
        if not isinstance(value, bool):
            raise UsageError(f"--{option} must be true or false, got {value!r}")
        return value

    def schema(self) -> dict[str, Any]:
        return {"type": "boolean"}


@dataclass(frozen=True)
class Text:
    """Any text. regex: what a parameter of the flex template must match, where a job in the cloud takes less."""

    regex: str | None = None

    @property
    def allowed(self) -> str:
        return ""

    def check(self, option: str, value: str) -> str:
        if not isinstance(value, str):
            raise UsageError(f"--{option} must be text, got {value!r}")
        return value

    def schema(self) -> dict[str, Any]:
        return {"type": "string"}


@dataclass(frozen=True)
class ImageSize:
    """A size in pixels: one number for both sides, or height x width. It is kept as "224x160"."""

    most: int

    @property
    def allowed(self) -> str:
        return f"1 to {self.most:,} pixels a side"

    @property
    def regex(self) -> str:
        return "^[0-9]+(x[0-9]+)?$"

    def check(self, option: str, value: str) -> str:
        match = re.fullmatch(r"(\d{1,9})(?:x(\d{1,9}))?", str(value), re.ASCII)
        height, width = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
        if not (0 < height <= self.most and 0 < width <= self.most):
            raise UsageError(
                f"--{option} must be S or HEIGHTxWIDTH such as 224 or 224x160, {self.allowed}, got {value!r}"
            )
        return f"{height}x{width}"

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": "^[0-9]+x[0-9]+$"}
