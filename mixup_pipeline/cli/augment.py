"""mixup-augment: mix a dataset and write TFRecord shards."""

import os
import signal
import sys
import threading
from types import FrameType
from typing import Any

import click

from mixup_pipeline.cli.common import log_quietly, run_program, shown_errors
from mixup_pipeline.cli.options import reading_options
from mixup_pipeline.config import (
    ADVISED_ALPHA,
    BAD_RECORD_POLICIES,
    ENGINES,
    LABEL_FORMATS,
    MixConfig,
    SourceConfig,
    check_choice,
)
from mixup_pipeline.config.registry import IMAGE_FORMATS, PAIRINGS
from mixup_pipeline.storage.places import place

_STOPPED = "Stopped. Finished shards are kept: run the same command again to go on."
_SOURCE_OPTIONS = ("src", "split", "data_dir", "schema", "image_key", "label_key", "num_classes", "allow_eval_split")


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option(
    "--src",
    required=True,
    help="TFDS name (mnist, cifar10/3.0.2, mnist_sample), TFDS folder, or TFRecord files as a pattern in quotes; "
    "folders and patterns may be gs:// or s3://.",
)
@click.option("--out", help="Folder for the shards and their manifest, local, gs:// or s3://.  [required]")
@click.option(
    "--alpha", type=float, default=0.2, show_default=True, help="λ ~ Beta(alpha, alpha); 0.2 to 0.4 is advised."
)
@click.option(
    "--pairing", type=click.Choice(PAIRINGS), default="any", show_default=True, help="Who is mixed with whom."
)
@click.option("--within-class", is_flag=True, help="Short for --pairing within-class.")
@click.option(
    "--copies",
    type=int,
    default=1,
    show_default=True,
    metavar="K",
    help="Mixed passes over the dataset, each with other partners.",
)
@click.option(
    "--prob", type=float, default=1.0, show_default=True, metavar="P", help="Share of examples that are mixed."
)
@click.option("--keep-originals", is_flag=True, help="Write the unmixed examples too, as shards of their own.")
@click.option("--seed", type=int, default=0, show_default=True, help="One seed, one result.")
@click.option("--limit", type=int, metavar="N", help="Use only the first N examples.")
@click.option("--split", default="train", show_default=True, help="Split of the TFDS dataset.")
@reading_options
@click.option("--allow-eval-split", is_flag=True, help="Augment a test or validation split all the same.")
@click.option(
    "--image-format",
    type=click.Choice(IMAGE_FORMATS),
    default="raw",
    show_default=True,
    help="How mixed images are stored.",
)
@click.option(
    "--label-format",
    type=click.Choice(LABEL_FORMATS),
    default="auto",
    show_default=True,
    help="dense: soft label vectors; compact: class ids and λ only; auto: dense up to 1,000 classes.",
)
@click.option("--num-shards", type=int, metavar="S", help="Shards of each copy.  [default: by size, about 64 MB each]")
@click.option(
    "--on-bad-record",
    type=click.Choice(BAD_RECORD_POLICIES),
    default="fail",
    show_default=True,
    help="Stop at the first bad record, or leave bad records out and count them.",
)
@click.option(
    "--engine",
    default="local",
    show_default=True,
    metavar=f"[{'|'.join(ENGINES)}]",
    help="Where Beam runs; its own options go after --.",
)
@click.option("--no-wait", is_flag=True, help="Leave the job running on a distributed engine and print its id.")
@click.option("--overwrite", is_flag=True, help="Replace the run that the folder holds.")
@click.option("--dry-run", is_flag=True, help="Print the plan and write nothing.")
@click.option("--quiet", is_flag=True, help="Print errors only.")
@click.option("--debug", is_flag=True, help="Show tracebacks and Beam's log.")
@click.version_option(package_name="mixup-pipeline")
@click.argument("beam_args", nargs=-1, type=click.UNPROCESSED, metavar="[-- BEAM OPTIONS]")
def main(**options: Any) -> None:
    """Mix a labelled dataset with itself (MixUp) and write TFRecord shards.

    Pairs shuffled examples over the whole dataset, mixes images and labels with weights λ ~ Beta(alpha, alpha), and
    writes shards that TFDS, tf.data and PyTorch read. The same command always gives the same bytes; run again after
    an interruption, it goes on where it stopped.

    \b
    mixup-augment --src mnist --alpha 0.2 --out shards/
    mixup-augment --src 'records/train-*' --schema tfslim_imagenet --out shards/
    """
    with shown_errors(debug=options["debug"]):
        if not options["debug"]:
            log_quietly()
        if options["within_class"]:
            if options["pairing"] == "cross-class":
                raise click.UsageError("--within-class and --pairing cross-class contradict each other.")
            options["pairing"] = "within-class"
        config = MixConfig(**{name: options[name] for name in MixConfig.__dataclass_fields__ if name in options})
        src = SourceConfig(**{name: options[name] for name in _SOURCE_OPTIONS})
        if not options["quiet"]:
            _advise(config)
        if options["dry_run"]:
            check_choice("engine", options["engine"], ENGINES)
            from mixup_pipeline.cli import summary
            from mixup_pipeline.launch import estimate

            click.echo(summary.of_estimate(estimate(src, config, options["beam_args"]), config))
        elif options["out"] is None:
            raise click.UsageError("Missing option '--out'.")
        else:
            _augment(src, config, options)


def _augment(src: SourceConfig, config: MixConfig, options: dict[str, Any]) -> None:
    if not options["debug"]:
        threading.excepthook = lambda _: None  # Beam's threads that listen to an engine break off when it ends
    if options["engine"] == "local":
        signal.signal(signal.SIGINT, _stop)
        signal.signal(signal.SIGTERM, _stop)
    else:
        for number in (signal.SIGINT, signal.SIGTERM):  # the job is cancelled, then all ends
            signal.signal(number, signal.default_int_handler)
    from mixup_pipeline.cli import progress, summary
    from mixup_pipeline.launch import augment, submit

    if not options["debug"]:
        _silence_workers()
    how = {key: options[key] for key in ("overwrite", "engine", "beam_args")}
    try:
        if options["no_wait"]:
            job = submit(src, options["out"], config, **how)
            if not options["quiet"]:
                click.echo(summary.of_submission(job, place(options["out"])))
            return
        show = sys.stderr.isatty() and not options["quiet"]
        with progress.Progress(shown=show) as display:
            tell = None if options["quiet"] else _tell_state
            report = augment(src, options["out"], config, **how, on_start=display.watch, on_state=tell)
    except KeyboardInterrupt:
        click.echo(_STOPPED, err=True)
        sys.exit(1)
    if not options["quiet"]:
        click.echo(summary.of_report(report))


def _silence_workers() -> None:
    """Beam prints the traceback of each bundle that fails in a worker of this process."""
    from apache_beam.runners.worker import sdk_worker

    vars(sdk_worker)["print"] = lambda *_, **__: None


def _tell_state(job: str, state: str) -> None:
    click.echo(f"{job} {state.lower()}", err=True)


def _advise(config: MixConfig) -> None:
    low, high = ADVISED_ALPHA
    if config.alpha < low:
        click.echo(
            f"Note: alpha {config.alpha:g} is below {low}: most λ lie next to 0 or 1 and the effect fades.", err=True
        )
    elif config.alpha > high:
        click.echo(
            f"Note: alpha {config.alpha:g} is above {high}: small models tend to underfit "
            f"(8 to 32 suits corrupted labels).",
            err=True,
        )


def _keep_stderr_to_ourselves() -> None:
    """Worker processes and C libraries print what the error line says better."""
    sys.stderr.flush()
    sys.stderr = os.fdopen(os.dup(2), "w", buffering=1, errors="replace")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)


def _stop(number: int, _: FrameType | None) -> None:
    """End at once: whatever is unfinished has a temporary name, so nothing needs to be tidied."""
    show_cursor = b"\x1b[?25h" if sys.stderr.isatty() else b""  # the progress bar hides it
    os.write(sys.stderr.fileno(), show_cursor + f"\n{_STOPPED}\n".encode())
    os._exit(1)


def program() -> None:
    """The console script."""
    if "--debug" not in sys.argv:
        _keep_stderr_to_ourselves()
    run_program(main)
