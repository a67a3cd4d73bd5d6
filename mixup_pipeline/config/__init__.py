"""What the user asks for: frozen values that check themselves at birth.

`MixConfig` is everything that decides the bytes of the output for a given source; `SourceConfig` says where the source
is. Where the output goes and how many workers make it belong to neither, because they change no byte.
"""

import math
from collections.abc import Collection
from dataclasses import dataclass

from mixup_pipeline.config.registry import IMAGE_FORMATS, METHODS, PAIRINGS
from mixup_pipeline.errors import UsageError

ENGINES = ("local", "prism", "flink", "spark", "dataflow")
LABEL_FORMATS = ("auto", "dense", "compact")
BAD_RECORD_POLICIES = ("fail", "skip")

ALPHA_RANGE = (1e-3, 1e3)
ADVISED_ALPHA = (0.2, 0.4)
MAX_COPIES = 10_000
MAX_SHARDS = 1_000_000
MAX_SEED = 2**63 - 1
MAX_EXAMPLES = 2**31 - 1


def check_number(option: str, value: float, low: float, high: float) -> None:
    """Raises UsageError for a value outside [low, high], or not finite."""
    if not (math.isfinite(value) and low <= value <= high):
        raise UsageError(f"{option} must be a number from {low:,g} to {high:,g}, got {value}")


def check_integer(option: str, value: int, low: int, high: int) -> None:
    """Raises UsageError for a value outside [low, high], or no whole number."""
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise UsageError(f"{option} must be a whole number from {low:,} to {high:,}, got {value!r}")


def check_choice(option: str, value: str, choices: Collection[str]) -> None:
    """Raises UsageError for a value that is not one of the choices."""
    if value not in choices:
        raise UsageError(f"{option} must be one of {', '.join(choices)}, got {value!r}")


@dataclass(frozen=True, kw_only=True)
class MixConfig:
    """How to mix. Equal configs and equal sources give equal bytes.

    alpha: concentration of Beta(alpha, alpha), from 0.001 to 1000.
    pairing: "any", "within-class" or "cross-class".
    copies: how many mixed passes over the dataset, each with other partners.
    prob: share of examples that are mixed, from 0 to 1; the others pass through with lam = 1.
    keep_originals: also write every example unmixed, as shards of their own.
    limit: use only the first so many examples of the split.
    image_format: "raw" (uint8 bytes, H×W×C) or "png".
    label_format: "dense" (float32[num_classes]), "compact" (class ids and lam only) or "auto": dense up to 1,000
    classes.
    num_shards: shards of each copy; None chooses by size.
    on_bad_record: "fail" stops at the first bad record, "skip" leaves bad records out and counts them.
    method: how two examples are mixed: "mixup", or a method that was registered.

    Raises UsageError naming the option, the allowed range and the value received.
    """

    alpha: float = 0.2
    pairing: str = "any"
    copies: int = 1
    prob: float = 1.0
    keep_originals: bool = False
    seed: int = 0
    limit: int | None = None
    image_format: str = "raw"
    label_format: str = "auto"
    num_shards: int | None = None
    on_bad_record: str = "fail"
    method: str = "mixup"

    def __post_init__(self) -> None:
        check_number("alpha", self.alpha, *ALPHA_RANGE)
        check_choice("pairing", self.pairing, PAIRINGS)
        check_integer("copies", self.copies, 1, MAX_COPIES)
        check_number("prob", self.prob, 0, 1)
        check_integer("seed", self.seed, 0, MAX_SEED)
        for number in ("alpha", "prob"):  # 1 and 1.0 are one configuration
            object.__setattr__(self, number, float(getattr(self, number)))
        if self.limit is not None:
            check_integer("limit", self.limit, 1, MAX_EXAMPLES)
        check_choice("image-format", self.image_format, IMAGE_FORMATS)
        check_choice("label-format", self.label_format, LABEL_FORMATS)
        if self.num_shards is not None:
            check_integer("num-shards", self.num_shards, 1, MAX_SHARDS)
        check_choice("on-bad-record", self.on_bad_record, BAD_RECORD_POLICIES)
        check_choice("method", self.method, METHODS)


@dataclass(frozen=True, kw_only=True)
class SourceConfig:
    """Where the source is and how to read it.

    src: a TFDS name ("mnist", "cifar10/3.0.2"), a TFDS directory, or TFRecord files as a path or glob.
    split: the split of a TFDS dataset; for TFRecord files only a name for the output.
    data_dir: where prepared TFDS datasets are; None: TFDS_DATA_DIR, then ~/tensorflow_datasets.
    schema: for TFRecord files: a features.json, a TF Metadata .pbtxt, or the name of a schema that ships with the tool.
    image_key, label_key, num_classes: override what the schema says.
    allow_eval_split: augment a test or validation split all the same.
    """

    src: str
    split: str = "train"
    data_dir: str | None = None
    schema: str | None = None
    image_key: str | None = None
    label_key: str | None = None
    num_classes: int | None = None
    allow_eval_split: bool = False

    def __post_init__(self) -> None:
        if not self.src:
            raise UsageError("src must name a TFDS dataset, a TFDS directory or TFRecord files, got nothing")
        if self.num_classes is not None:
            check_integer("num-classes", self.num_classes, 1, 2**31 - 1)
