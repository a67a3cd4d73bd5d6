"""The first training images of every arm, with their labels."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from mixup_pipeline.report.arm_looks import arm_looks
from mixup_pipeline.report.arm_marks import short_name
from mixup_pipeline.report.comparison_tables import Results, noise_text, task_of_results
from mixup_pipeline.report.figures import Drawing, Theme
from mixup_pipeline.report.words import one_line

Samples = Mapping[str, tuple[npt.NDArray[Any], npt.NDArray[np.float32]]]
"""By arm: the first inputs that seed 0 reads, (n, …), and their soft labels, float32 (n, classes)."""


def sample_drawing(results: Results, samples: Samples) -> Drawing:
    """The first training images of every arm, one row an arm. samples: uint8 images (n, h, w, c) and their labels."""
    looks, in_units = arm_looks(results["config"]["arms"]), task_of_results(results).in_units
    label_text = _values if in_units else _heaviest_classes
    columns = min(len(inputs) for inputs, _ in samples.values())

    def draw(theme: Theme) -> Figure:
        figure = Figure((columns * 0.95 + 0.9, len(samples) * 1.32 + 0.1), layout="constrained")
        grid = figure.subplots(len(samples), columns, squeeze=False)
        for axes_row, (arm, (inputs, labels)) in zip(grid, samples.items(), strict=True):
            for axes, image, label in zip(axes_row, inputs, labels, strict=False):
                axes.imshow(image.repeat(3, axis=2) if image.shape[2] == 1 else image[..., :3], interpolation="nearest")
                axes.set_title(label_text(label, results["class_names"]), size=7)
                axes.set_xticks([])
                axes.set_yticks([])
                axes.spines[:].set_visible(False)
            axes_row[0].set_ylabel(short_name(arm), color=looks[arm].colour(theme), size=9)
        return figure

    what = "values" if in_units else "two heaviest classes"
    return Drawing(
        name="samples",
        title=f"The first images of seed 0{noise_text(results['config']['corrupt_labels'][0])}",
        alt=f"The first {columns} training images of {', '.join(samples)}, with their {what}.",
        caption="With the values of each label."
        if in_units
        else "With the two heaviest classes of each label and their weights.",
        draw=draw,
    )


def _values(label: npt.NDArray[np.float32], class_names: Sequence[str] | None) -> str:
    """Up to two values of a label, one a line."""
    return "\n".join(f"{value:.4g}" for value in label[:2].tolist())


def _heaviest_classes(label: npt.NDArray[np.float32], class_names: Sequence[str] | None) -> str:
    """Up to two classes of a soft label with their weights, one a line."""
    heaviest = np.argsort(-label, kind="stable")[:2]
    names = [one_line(class_names[class_id], 8) if class_names else str(class_id) for class_id in heaviest]
    return "\n".join(
        f"{name} {label[class_id]:.2f}" for name, class_id in zip(names, heaviest, strict=True) if label[class_id] > 0
    )
