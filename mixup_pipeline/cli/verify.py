"""mixup-verify: check that a folder of mixed shards is complete and bit-exact."""

import sys

import click

from mixup_pipeline.cli.common import Program, log_quietly, run_program, say, shown_errors
from mixup_pipeline.cli.options import reading_options, source_option
from mixup_pipeline.config import SourceConfig
from mixup_pipeline.process import keep_stderr_to_ourselves
from mixup_pipeline.storage.places import place

_SHOWN_FAULTS = 20


@click.command(cls=Program, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.argument("shards")
@click.option(
    "--against", metavar="SRC", help="Also mix a sample of examples again from this source (as --src), and compare."
)
@click.option(
    "--sample",
    type=click.IntRange(1, 10_000_000),
    default=1000,
    show_default=True,
    help="How many examples to mix again.",
)
@source_option("split", help="Split of the source.", without="as mixed")
@reading_options
@click.option("--quiet", is_flag=True, help="Print faults only.")
@click.option("--debug", is_flag=True, help="Show tracebacks.")
@click.version_option(package_name="mixup-pipeline")
def main(shards: str, against: str | None, sample: int, quiet: bool, debug: bool, **source: str | int | None) -> None:
    """Check a folder that mixup-augment made.

    Checks the manifest against its JSON Schema, the number, size and sha256 of the shards, the CRC and features of
    every record, the labels and the totals. With --against it also mixes a sample of examples again from their
    parents and compares every bit. Names each fault, and exits with 1 if there is one.

    \b
    mixup-verify shards/
    mixup-verify shards/ --against mnist --sample 10000
    """
    with shown_errors(debug=debug):
        if not debug:
            log_quietly()
        from mixup_pipeline.cli.progress import Stage, shown
        from mixup_pipeline.dataset.verify import verify

        asked = None
        if against is not None:
            asked = SourceConfig(src=against, allow_eval_split=True, **source)  # type: ignore[arg-type]
        with shown(quiet=quiet) as display:

            def on_shard(done: int, total: int) -> None:
                if asked is not None and done == total:
                    display.show(Stage(name="Mixing again", detail=f"{sample:,} examples of {against}"))
                else:
                    display.show(Stage(name="Checking", done=done, total=total, unit="shards"))

            display.show(Stage(name="Checking"))
            verdict = verify(place(shards), against=asked, sample=sample, on_shard=on_shard)
        for fault in verdict.faults[:_SHOWN_FAULTS]:
            say(f"Fault: {fault}", err=True)
        if verdict.faults:
            if verdict.wrong_source is not None:
                say(f"Note: {verdict.wrong_source}", err=True)
            count = len(verdict.faults)
            more = f", of which {_SHOWN_FAULTS} are shown" if len(verdict.faults) > _SHOWN_FAULTS else ""
            say(
                f"Error: {shards}: {count} {'fault' if count == 1 else 'faults'}{more}: make the directory again",
                err=True,
            )
            sys.exit(1)
        if verdict.wrong_source is not None:
            say(f"Error: {verdict.wrong_source} ({shards} itself is complete and bit-exact)", err=True)
            sys.exit(verdict.wrong_source.exit_code)
        if not quiet:
            count = verdict.num_shards
            files = "1 shard" if count == 1 else f"{count:,} shards"
            say(f"{shards} is complete and bit-exact: {verdict.records:,} records in {files}")
            if asked is not None:
                say(f"  {verdict.recomputed:,} examples were mixed again from {against} and are equal in every bit")


def program() -> None:
    """The console script."""
    if "--debug" not in sys.argv:
        keep_stderr_to_ourselves()
    run_program(main)
