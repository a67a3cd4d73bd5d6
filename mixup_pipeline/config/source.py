"""Where the source is and how to read it."""

from dataclasses import dataclass, field
from typing import Any

from mixup_pipeline.config.kinds import Choice, ImageSize, Integer, Switch, Text
from mixup_pipeline.config.option import check_declared, declared, option
from mixup_pipeline.errors import UsageError
from mixup_pipeline.spec import MAX_CLASSES, ImageOptions, shape_text

DEFAULT_SPLIT = "train"
MAX_SIDE = 16_384
IMAGE_OPTIONS = ("image_size", "resize", "channels", "exif")
"""Fields that say how image files are brought to one form."""


@dataclass(frozen=True, kw_only=True)
class SourceConfig:
    """Where the source is and how to read it. Each field is an option of mixup-augment, which says what it means.

    Raises UsageError naming the option, the allowed range and the value received.
    """

    src: str = field(
        metadata=declared(
            Text(),
            required=True,
            label="Source",
            help="TFDS name (mnist, cifar10/3.0.2, mnist_sample), TFDS folder, folder with one folder of images a "
            "class, or files as a pattern in quotes: TFRecord, Parquet, CSV, NumPy, tar. All may be gs:// or s3://.",
            template_help="What to mix: the gs:// folder of a prepared TFDS dataset, TFRecord files as a gs:// path or "
            "pattern such as gs://my-bucket/records/train-*, or the name of a dataset in the TFDS folder.",
        )
    )
    split: str | None = option(
        None,
        Text(),
        without=DEFAULT_SPLIT,
        help="Split of a TFDS dataset, or of files that are named as splits; for other files only a name for the "
        "output.",
    )
    data_dir: str | None = option(
        None,
        Text(regex="^gs://.+$"),
        metavar="DIR",
        without="$TFDS_DATA_DIR or ~/tensorflow_datasets",
        label="TFDS folder",
        help="Where prepared TFDS datasets are.",
        template_help="The gs:// folder with prepared TFDS datasets, where the source is the name of one.",
    )
    schema: str | None = option(
        None,
        Text(),
        metavar="FILE|NAME",
        help="Of TFRecord files: features.json, .pbtxt, tfds_image or tfslim_imagenet.",
        template_help="Of TFRecord files: features.json or .pbtxt as a gs:// path, or tfds_image or tfslim_imagenet.",
    )
    image_key: str | None = option(
        None,
        Text(),
        metavar="KEY",
        label="Key of the image",
        help="Feature that holds the image, or the vector, where the schema does not say.",
    )
    label_key: str | None = option(
        None,
        Text(),
        metavar="KEY",
        label="Key of the label",
        help="Feature that holds the label, where the schema does not say.",
    )
    columns: str | None = option(
        None,
        Text(),
        metavar="A,B,C",
        optional_in_manifest=True,
        without="of a table all columns of numbers but the label",
        help="Columns of numbers that make up the vector to mix, in this order.",
    )
    num_classes: int | None = option(
        None,
        Integer(1, MAX_CLASSES),
        metavar="C",
        label="Classes",
        help="Number of classes, where the schema does not say.",
    )
    first_class: int | None = option(
        None,
        Integer(-(2**31), 2**31 - 1),
        metavar="N",
        optional_in_manifest=True,
        without="0; 1 where all labels were looked at, and none is 0",
        label="First class",
        help="The integer that stands for the first class. Labels are stored from 0.",
    )
    keep: str | None = option(
        None,
        Text(),
        metavar="A,B,C",
        optional_in_manifest=True,
        without="none",
        label="Features that go along",
        help="Features of both parents that go along, as base/A and partner/A.",
    )
    group_key: str | None = option(
        None,
        Text(),
        metavar="KEY",
        optional_in_manifest=True,
        without="none",
        label="Key of the group",
        help="Feature that says of which group an example is, such as a patient, for --pairing cross-group and "
        "within-group, and --val-share of training.",
    )
    label_kind: str | None = option(
        None,
        Choice(("class", "soft", "multi-label", "regression")),
        optional_in_manifest=True,
        without="class for an integer or a text, soft for a vector",
        help="What a label is: one class, weights of all classes, several classes at once, or numbers to predict.",
    )
    class_names: str | None = option(
        None,
        Text(),
        metavar="A,B,C|FILE",
        label="Names of the classes",
        optional_in_manifest=True,
        without="those of the source; where labels are texts, all that occur, sorted",
        help="Names of the classes in the order of their numbers, or a file with one on each line.",
    )
    image_size: str | None = option(
        None,
        ImageSize(MAX_SIDE),
        metavar="S|HxW",
        without="their own, if all are equal",
        optional_in_manifest=True,
        help="Bring all images to this size.",
    )
    resize: str | None = option(
        None,
        Choice(("crop", "pad", "stretch")),
        without="crop",
        optional_in_manifest=True,
        help="How: crop to the largest centred box, pad with black, or stretch.",
    )
    channels: str | None = option(
        None,
        Choice(("auto", "1", "3", "4")),
        without="auto",
        optional_in_manifest=True,
        help="1 grey, 3 RGB, 4 RGBA; auto: as the schema says, else RGB if any image has colour.",
    )
    exif: str | None = option(
        None,
        Choice(("apply", "ignore")),
        without="apply",
        optional_in_manifest=True,
        help="Turn photographs upright as their EXIF says, or leave them as stored.",
    )
    allow_eval_split: bool = option(
        False,
        Switch(),
        label="Allow an evaluation split",
        help="Augment a test or validation split all the same.",
    )

    @property
    def split_name(self) -> str:
        """The split that is read: what was asked for, or train."""
        return DEFAULT_SPLIT if self.split is None else self.split

    @property
    def images(self) -> ImageOptions:
        """How image files are brought to one form."""
        height, width = (int(side) for side in self.image_size.split("x")) if self.image_size else (None, None)
        return ImageOptions(
            size=None if height is None or width is None else (height, width),
            resize=self.resize or "crop",
            channels=None if self.channels in (None, "auto") else int(self.channels),
            exif=self.exif or "apply",
        )

    def __post_init__(self) -> None:
        check_declared(self)
        if self.resize is not None and self.image_size is None:
            raise UsageError(f"--resize {self.resize} says how images are brought to a size: add --image-size")
        if self.class_names is not None and self.label_kind == "regression":
            raise UsageError("--class-names is for classes: labels of --label-kind regression have none, leave it out")
        if not self.src:
            raise UsageError("--src must name a TFDS dataset, a TFDS directory or TFRecord files, got nothing")


def image_options(images: ImageOptions) -> dict[str, Any]:
    """The fields of SourceConfig that ask for these image options."""
    return {
        "image_size": None if images.size is None else shape_text(images.size),
        "resize": None if images.size is None else images.resize,
        "channels": "auto" if images.channels is None else str(images.channels),
        "exif": images.exif,
    }
