"""Options that several commands share."""

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import Any

import click

from mixup_pipeline.training.train_config import DEVICES, OPTIMIZERS, PRECISIONS, SCHEDULES

Command = Callable[..., Any]

data_dir_option = click.option(
    "--data-dir",
    metavar="DIR",
    help="Where prepared TFDS datasets are.  [default: $TFDS_DATA_DIR or ~/tensorflow_datasets]",
)

_READING = (
    data_dir_option,
    click.option(
        "--schema", metavar="FILE|NAME", help="Of TFRecord files: features.json, .pbtxt, tfds_image or tfslim_imagenet."
    ),
    click.option("--image-key", metavar="KEY", help="Feature that holds the image, or the vector."),
    click.option("--label-key", metavar="KEY", help="Feature that holds the label."),
    click.option("--num-classes", type=int, metavar="C", help="Number of classes, where the schema does not say."),
)
_TRAINING = (
    click.option(
        "--model",
        default="tutorial-cnn",
        show_default=True,
        help="tutorial-cnn, resnet20, mlp, or package.module:function, called with (shape, num_classes).",
    ),
    click.option("--epochs", type=int, default=10, show_default=True, help="Epoch e reads copy e mod K of the shards."),
    click.option("--steps", type=int, help="Train so many steps instead."),
    click.option("--batch-size", type=int, default=64, show_default=True, help="Examples a step, over all devices."),
    click.option(
        "--optimizer", type=click.Choice(OPTIMIZERS), default="adam", show_default=True, help="sgd has momentum 0.9."
    ),
    click.option("--learning-rate", type=float, default=3e-3, show_default=True, help="At the start."),
    click.option(
        "--schedule",
        type=click.Choice(SCHEDULES),
        default="constant",
        show_default=True,
        help="cosine: down to 0 at the end.",
    ),
    click.option("--weight-decay", type=float, default=0.0, show_default=True, help="Decoupled; for adamw and sgd."),
    click.option("--dropout", type=float, help="Rate of the model's dropout.  [default: the model's own]"),
    click.option(
        "--precision",
        type=click.Choice(PRECISIONS),
        default="float32",
        show_default=True,
        help="Of the computation; labels and loss are float32.",
    ),
    click.option(
        "--shuffle-buffer", type=int, default=16_384, show_default=True, help="Records held to shuffle; 0: none."
    ),
    click.option(
        "--device", type=click.Choice(DEVICES), default="auto", show_default=True, help="auto: all GPUs, else CPU."
    ),
)


def reading_options(command: Command) -> Command:
    """How a source is read: fields of SourceConfig."""
    return _with(_READING, command)


def reading(options: Mapping[str, Any]) -> dict[str, Any]:
    """Those of `reading_options` among the options of a command."""
    return {name: options[name] for name in ("data_dir", "schema", "image_key", "label_key", "num_classes")}


def training_options(command: Command) -> Command:
    """How to train: the fields of TrainConfig that every command offers, and the device."""
    return _with(_TRAINING, command)


def _with(options: Sequence[Command], command: Command) -> Command:
    return reduce(lambda decorated, option: option(decorated), reversed(options), command)
