"""How to mix: everything that decides the bytes of the output for a given source."""

from dataclasses import dataclass
from typing import Protocol

from mixup_pipeline.config.kinds import Choice, Integer, Number, Several, Switch
from mixup_pipeline.config.option import check_declared, option
from mixup_pipeline.config.registry import IMAGE_FORMATS, METHODS, PAIRINGS
from mixup_pipeline.errors import UsageError

LABEL_FORMATS = ("auto", "dense", "compact")
BAD_RECORD_POLICIES = ("fail", "skip")

AUGMENTATIONS = ("flip", "crop")
ALPHA_RANGE = (0.001, 1000)
ADVISED_ALPHA = (0.2, 0.4)
MAX_COPIES = 10_000
MAX_SHARDS = 1_000_000
MAX_SEED = 2**63 - 1
MAX_EXAMPLES = 2**31 - 1
DEFAULT_QUALITY = 95
LOSSY_FORMATS = ("jpeg", "webp")


@dataclass(frozen=True, kw_only=True)
class MixConfig:
    """How to mix. Equal configs and equal sources give equal bytes.

    Each field is an option of mixup-augment, which says what it means. Manifests hold the fields in this order.

    Raises UsageError naming the option, the allowed range and the value received.
    """

    alpha: float = option(0.2, Number(*ALPHA_RANGE), help="λ ~ Beta(alpha, alpha); 0.2 to 0.4 is advised.")
    pairing: str = option(
        "any",
        Choice(PAIRINGS),
        help="Who is mixed with whom; class-balanced: the partner's class is drawn uniformly; near-label: near labels "
        "are preferred.",
    )
    bandwidth: float | None = option(
        None,
        Number(1e-6, 1e9),
        metavar="H",
        without="a tenth of the labels' standard deviation",
        optional_in_manifest=True,
        help="Of pairing near-label, in units of the label: pairs are the rarer the further their labels are apart.",
    )
    copies: int = option(
        1, Integer(1, MAX_COPIES), metavar="K", help="Mixed passes over the dataset, each with other partners."
    )
    augment: str | None = option(
        None,
        Several(AUGMENTATIONS),
        metavar="LIST",
        without="none",
        optional_in_manifest=True,
        help="Of images: flip, crop or flip,crop, drawn for each parent in each copy, before mixing.",
    )
    prob: float = option(
        1.0, Number(0, 1), metavar="P", label="Share that is mixed", help="Share of examples that are mixed."
    )
    keep_originals: bool = option(
        False, Switch(), label="Keep the originals", help="Write the unmixed examples too, as shards of their own."
    )
    seed: int = option(0, Integer(0, MAX_SEED), help="One seed, one result.")
    limit: int | None = option(
        None, Integer(1, MAX_EXAMPLES), metavar="N", without="all", help="Use only the first N examples."
    )
    image_format: str = option("raw", Choice(IMAGE_FORMATS), help="How mixed images are stored.")
    quality: int | None = option(
        None,
        Integer(1, 100),
        metavar="Q",
        without=f"{DEFAULT_QUALITY}, for jpeg and webp",
        optional_in_manifest=True,
        help="Of lossy image formats: 100 is the best.",
    )
    label_format: str = option(
        "auto",
        Choice(LABEL_FORMATS),
        in_manifest=Choice(LABEL_FORMATS[1:]),
        help="dense: soft label vectors; compact: class ids and λ only; auto: dense up to 1,000 classes.",
    )
    num_shards: int | None = option(
        None,
        Integer(1, MAX_SHARDS),
        in_manifest=Integer(1, MAX_SHARDS),
        metavar="S",
        without="by size, about 64 MB each before compression",
        label="Shards",
        help="Shards of each copy.",
    )
    on_bad_record: str = option(
        "fail",
        Choice(BAD_RECORD_POLICIES),
        label="Bad records",
        help="fail: stop at the first bad record; skip: leave bad records out and count them.",
    )
    method: str = option(
        "mixup",
        Choice(METHODS),
        optional_in_manifest=True,
        help="How two examples are mixed: mixup is λ·base + (1−λ)·partner.",
    )

    def __post_init__(self) -> None:
        check_declared(self)
        if self.bandwidth is not None and self.pairing != "near-label":
            raise UsageError(f"--bandwidth is for --pairing near-label: {self.pairing} does not look at distances")
        if self.quality is not None and self.image_format not in LOSSY_FORMATS:
            raise UsageError(
                f"--quality is for --image-format {' and '.join(LOSSY_FORMATS)}: {self.image_format} loses nothing"
            )


class Augmenting(Protocol):
    """What says how images are augmented."""

    @property
    def augment(self) -> str | None: ...


def augmentations(config: Augmenting) -> tuple[str, ...]:
    """How views are drawn; empty if there is no augmentation."""
    return tuple(config.augment.split(",")) if config.augment else ()
