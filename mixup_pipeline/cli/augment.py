"""mixup-augment: mix a dataset and write TFRecord shards."""

import signal
import sys
from types import FrameType
from typing import Any

import click

from mixup_pipeline.cli.augment_options import AugmentOptions, augment_options
from mixup_pipeline.cli.common import Program, log_quietly, run_program, say, shown_errors
from mixup_pipeline.cli.options import declared_options, taken
from mixup_pipeline.config import ADVISED_ALPHA, ENGINES, MixConfig, SourceConfig, check_choice
from mixup_pipeline.config.option import options_of
from mixup_pipeline.errors import RecordError, SizesError
from mixup_pipeline.process import keep_stderr_to_ourselves, leave_at_once, silence_beam_workers, silence_threads
from mixup_pipeline.storage.places import place

_STOPPED = "Stopped. Finished shards are kept: run the same command again to go on."


def augment_command(
    mix: type[MixConfig] = MixConfig,
    source: type[SourceConfig] = SourceConfig,
    run: type[AugmentOptions] = AugmentOptions,
) -> click.Command:
    """The command, with the options that these dataclasses declare."""

    @click.command(cls=Program, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
    @declared_options(augment_options((mix, source, run)))
    @click.version_option(package_name="mixup-pipeline")
    @click.argument("beam_args", nargs=-1, type=click.UNPROCESSED, metavar="[-- BEAM OPTIONS]")
    def main(beam_args: tuple[str, ...], **options: Any) -> None:
        """Mix a labelled dataset with itself (MixUp) and write TFRecord shards.

        Pairs shuffled examples over the whole dataset, mixes images and labels with weights λ ~ Beta(alpha, alpha), and
        writes shards that TFDS, tf.data and PyTorch read. The same command always gives the same bytes; run again after
        an interruption, it goes on where it stopped.

        \b
        mixup-augment --src mnist --alpha 0.2 --out shards/
        mixup-augment --src 'records/train-*' --schema tfslim_imagenet --out shards/
        """
        with shown_errors(debug=options["debug"]):
            how = taken(run, options)
            if how.within_class:
                options["pairing"] = _within_class(options["pairing"])
            _main(taken(source, options), taken(mix, options), how, beam_args)

    return main


def _within_class(pairing: str) -> str:
    if pairing not in (options_of(MixConfig)["pairing"].default, "within-class"):
        raise click.UsageError(f"--within-class and --pairing {pairing} contradict each other.")
    return "within-class"


def _main(src: SourceConfig, config: MixConfig, how: AugmentOptions, beam_args: tuple[str, ...]) -> None:
    if not how.debug:
        log_quietly()
    if not how.quiet:
        _advise(config)
    if how.dry_run:
        check_choice("engine", how.engine, ENGINES)
        from mixup_pipeline.cli import progress, summary
        from mixup_pipeline.launch import estimate

        try:
            with progress.shown(quiet=how.quiet) as display:
                display.show(progress.Stage(name="Indexing"))
                estimated = estimate(src, config, beam_args)
        except SizesError as error:
            say(*summary.of_differing_sizes(error.census, src))
            raise
        say(*summary.of_estimate(estimated, config))
        if estimated.first_bad is not None:
            raise RecordError(estimated.first_bad)
    elif how.out is None:
        raise click.UsageError("Missing option '--out'.")
    else:
        _augment(src, config, how.out, how, beam_args)


def _augment(src: SourceConfig, config: MixConfig, out: str, how: AugmentOptions, beam_args: tuple[str, ...]) -> None:
    if not how.debug:
        silence_threads()
    if how.engine == "local":
        signal.signal(signal.SIGINT, _stop)
        signal.signal(signal.SIGTERM, _stop)
    else:
        for number in (signal.SIGINT, signal.SIGTERM):  # the job is cancelled, then all ends
            signal.signal(number, signal.default_int_handler)
    from mixup_pipeline.cli import progress, summary
    from mixup_pipeline.cli.run_progress import watch_run
    from mixup_pipeline.launch import augment, submit

    if not how.debug:
        silence_beam_workers()
    run: dict[str, Any] = {"overwrite": how.overwrite, "engine": how.engine, "beam_args": beam_args}
    try:
        if how.no_wait:
            job = submit(src, out, config, **run)
            if not how.quiet:
                say(*summary.of_submission(job, place(out)))
            return
        with progress.shown(quiet=how.quiet) as display:
            display.show(progress.Stage(name="Preparing"))
            report = augment(
                src,
                out,
                config,
                **run,
                on_start=lambda source, folder: watch_run(display, source, folder, copies=config.copies),
                on_state=lambda job, state: display.say(f"{job} {state.lower()}", err=True),
            )
    except KeyboardInterrupt:
        say(_STOPPED, err=True)
        sys.exit(1)
    if not how.quiet:
        say(*summary.of_report(report))


def _advise(config: MixConfig) -> None:
    low, high = ADVISED_ALPHA
    if config.alpha < low:
        say(f"Note: alpha {config.alpha:g} is below {low}: most λ lie next to 0 or 1 and the effect fades.", err=True)
    elif config.alpha > high:
        say(
            f"Note: alpha {config.alpha:g} is above {high}: small models tend to underfit "
            f"(8 to 32 suits corrupted labels).",
            err=True,
        )


def _stop(number: int, _: FrameType | None) -> None:
    """Whatever is unfinished has a temporary name, so nothing needs to be tidied."""
    leave_at_once(_STOPPED)


main = augment_command()


def program() -> None:
    """The console script."""
    if "--debug" not in sys.argv:
        keep_stderr_to_ourselves()
    run_program(main)
