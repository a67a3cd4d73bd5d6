"""mixup-train: train from mixed shards, or the unmixed baseline, and evaluate on clean examples."""

import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from mixup_pipeline.cli.common import Program, run_program, say, shown_errors
from mixup_pipeline.cli.options import (
    bad_record_option,
    deterministic_option,
    reading,
    reading_options,
    source_option,
    taken,
    training_options,
)
from mixup_pipeline.config import SourceConfig
from mixup_pipeline.config.source import IMAGE_OPTIONS
from mixup_pipeline.errors import UsageError
from mixup_pipeline.storage.places import check_local
from mixup_pipeline.training.train_config import TrainConfig

_STOPPED = 1


@click.command(cls=Program, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option("--shards", help="Mixed shards to train on: the --out of mixup-augment.")
@click.option(
    "--src", help="Instead of --shards: unmixed examples, as --src of mixup-augment names them (the baseline)."
)
@source_option("split", help="Split of --src.")
@click.option("--eval-src", required=True, help="Clean examples to evaluate on.")
@click.option("--eval-split", default="test", show_default=True, help="Their split.")
@reading_options
@bad_record_option
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder of this run.")
@training_options()
@click.option("--force-label-smoothing", is_flag=True, help="Smooth mixed labels too, which works against mixup.")
@click.option(
    "--mix-online", type=float, metavar="ALPHA", help="With --src: mix while training, λ ~ Beta(ALPHA, ALPHA)."
)
@deterministic_option
@click.option(
    "--verify",
    type=click.Choice(["quick", "full"]),
    default="quick",
    show_default=True,
    help="Check the shards by names and sizes, or every byte.",
)
@click.option("--quiet", is_flag=True, help="Print errors only.")
@click.option("--debug", is_flag=True, help="Show tracebacks.")
@click.version_option(package_name="mixup-pipeline")
def main(**options: Any) -> None:
    """Train on mixed shards, or on the unmixed source as the baseline, and evaluate on clean examples.

    Writes a folder with result.json, history.csv and the weights of the best and the last epoch. The same command
    goes on where a stopped run was saved.

    \b
    mixup-train --shards shards/ --eval-src mnist --out runs/mixup
    mixup-train --src mnist --eval-src mnist --out runs/baseline
    """
    with shown_errors(debug=options["debug"]):
        _train(taken(TrainConfig, options), options)


def _train(config: TrainConfig, options: dict[str, Any]) -> None:
    from mixup_pipeline.cli.progress import Stage, shown
    from mixup_pipeline.sources import evaluation_config
    from mixup_pipeline.training.devices import choose_devices
    from mixup_pipeline.training.learner import Learners
    from mixup_pipeline.training.loop import Trainer
    from mixup_pipeline.training.mixed_shards import check_outside
    from mixup_pipeline.training.prepare import prepare
    from mixup_pipeline.training.run_folder import RunFolder
    from mixup_pipeline.training.tasks import CHOSEN, FLATTERS
    from mixup_pipeline.training.train import train
    from mixup_pipeline.training.train_request import TrainRequest
    from mixup_pipeline.training.watch import Stopped

    for option in ("shards", "src", "eval_src", "data_dir"):
        check_local(option.replace("_", "-"), options[option])
    form = next((name for name in IMAGE_OPTIONS if options[name] is not None), None)
    if options["shards"] is not None and form is not None:
        flag = f"--{form.replace('_', '-')}"
        raise UsageError(f"{flag} is for --src: with --shards, clean images get the form of the mixed ones")
    described = SourceConfig(src=options["src"] or options["eval_src"], split=options["split"], **reading(options))
    request = TrainRequest(
        config=config,
        shards=None if options["shards"] is None else Path(options["shards"]),
        src=None if options["src"] is None else described,
        evaluation=evaluation_config(described, options["eval_src"], split=options["eval_split"]),
        verify=options["verify"],
        force=options["force_label_smoothing"],
        mix_online=options["mix_online"],
        on_bad_record=options["on_bad_record"],
    )

    trained, looked_at = False, "held-out" if config.val_share else "clean"

    def on_note(note: str) -> None:
        say(f"Note: {note}", err=True)

    def on_start(trainer: Trainer, notes: Sequence[str]) -> None:
        nonlocal trained
        trained = True
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: trainer.stop())
        for note in notes:
            display.say(f"Note: {note}", err=True)

    def on_step(done: int, total: int, measures: Mapping[str, float]) -> None:
        display.show(
            Stage(name="Training", done=done, total=total, unit="steps", detail=f"loss {measures['loss']:.4f}")
        )

    def on_epoch(row: dict[str, float | int]) -> None:
        display.say(f"epoch {row['epoch']:>3}  {prepared.job.train.task.line(row, looked_at)}  {row['seconds']:.1f} s")

    try:
        with shown(quiet=options["quiet"]) as display:
            display.show(Stage(name="Preparing"))
            check_outside(options["out"], request.shards)
            RunFolder(options["out"]).check_free()
            prepared = prepare(request, options["out"])
            learners = Learners(choose_devices(options["device"]), deterministic=options["deterministic"])
            result = train(
                prepared,
                options["out"],
                learners,
                on_start=on_start,
                on_step=on_step,
                on_epoch=on_epoch,
                on_note=on_note,
            )
            task, tested = prepared.job.train.task, result.get("test")
            at = f"the best ({result['best']['epoch']})" if tested else f"{FLATTERS} ({result['best']['epoch']})"
            said = task.last_and_best(result["last"], result["best"], looked_at, at)
            if tested:
                said += f"; {task.last_and_best(tested['last'], tested['best'], at=CHOSEN)}"
            display.say(
                f"{options['out']}: {result['steps']:,} steps in {result['epochs']} epochs; {said}"
                f"{'' if trained else '; it was complete, so nothing was trained'}"
            )
    except Stopped as stop:
        say(f"Stopped: {stop}. Run the same command again to go on.", err=True)
        sys.exit(_STOPPED)


def program() -> None:
    """The console script."""
    run_program(main)
