"""The pictures of mixup-inspect that are about no dataset: what α does, and what mixing does to a network."""

from pathlib import Path
from typing import Any

import click

from mixup_pipeline.cli.common import say
from mixup_pipeline.config import MixConfig

_MAX_ALPHAS = 30


def draw_beta(target: Path, options: dict[str, Any]) -> None:
    """Write the histograms of λ for some α, and say what each does."""
    from mixup_pipeline.report import pictures, text
    from mixup_pipeline.storage.atomic import check_target, write_atomically

    try:
        alphas = [float(word) for word in options["beta"].split(",")]
    except ValueError as error:
        raise click.UsageError(f"--beta takes numbers such as 0.1,0.2,0.4, got {options['beta']!r}.") from error
    if len(alphas) > _MAX_ALPHAS:
        raise click.UsageError(f"--beta draws at most {_MAX_ALPHAS} α at once, got {len(alphas)}.")
    for alpha in alphas:
        MixConfig(alpha=alpha)  # checks the range
    check_target("beta", target, ".png", outside=_dataset_at(target))
    say(*text.beta_text(alphas).split("\n"))
    write_atomically(target, pictures.beta(alphas, options["seed"]))
    say(f"Wrote {target}")


def draw_boundary(target: Path, options: dict[str, Any]) -> None:
    """Write the decision regions of a network trained without and with mixup."""
    from mixup_pipeline.report import pictures
    from mixup_pipeline.storage.atomic import check_target, write_atomically
    from mixup_pipeline.training import boundary

    alpha = MixConfig(alpha=options["alpha"]).alpha
    check_target("boundary", target, ".png", outside=_dataset_at(target))
    flowers = boundary.read_flowers()
    say("Training the same network twice on two features of Iris, without and with mixup: about ten seconds.")
    without, mixed = boundary.train_both(flowers, alpha=alpha, seed=options["seed"])
    panels = [("without mixup", without), (f"with mixup, α = {alpha:g}", mixed)]
    for title, regions in panels:
        say(
            f"  {title + ':':26}mean confidence {regions.mean_confidence:.3f}, {regions.sure:.0%} of the plane above "
            f"0.95, training accuracy {regions.accuracy:.3f}"
        )
    write_atomically(target, pictures.boundary(flowers, panels))
    say(f"Wrote {target}")


def _dataset_at(target: Path) -> Path | None:
    """The dataset folder that the picture would be written into; None where it is not one."""
    return target.parent if (target.parent / "manifest.json").is_file() else None
