"""mixup-inspect: show a mixed dataset, or what α does."""

import logging
import os
import shlex
import sys
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from mixup_pipeline.cli.common import Program, log_quietly, run_program, say, shown_errors
from mixup_pipeline.cli.inspect_pictures import draw_beta, draw_boundary
from mixup_pipeline.cli.options import READING, reading, reading_options, source_option
from mixup_pipeline.config import MAX_SEED, SourceConfig
from mixup_pipeline.process import keep_stderr_to_ourselves
from mixup_pipeline.storage.places import Place, place

_ACTIONS = ("census", "example", "find", "preview", "html", "beta", "boundary")
_USED_BY = {
    "count": ("preview", "html"),
    "sort": ("preview", "html"),
    "seed": ("preview", "html", "beta", "boundary"),
    "against": ("example", "preview", "html"),
    "data_dir": ("example", "preview", "html", "census"),
    "alpha": ("boundary",),
    **dict.fromkeys(("split", *READING[1:]), ("census",)),
}
"""Options that change how an action works, by the actions that use them."""
_CHOOSING = ("count", "sort", "seed")


@click.command(cls=Program, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.argument("path", metavar="SHARDS|SRC|PNG")
@click.option("--census", is_flag=True, help="Show which images a source holds, and what mixing would do with them.")
@click.option(
    "--find", metavar="SOURCE_ID", help="List the outputs that hold this example of the source, with its weight."
)
@click.option("--example", metavar="ID", help="Explain one mixed example: its number, or SHARD__RECORD.")
@click.option("--preview", type=click.Path(path_type=Path), metavar="PNG", help="Write a grid of mixed examples.")
@click.option("--html", type=click.Path(path_type=Path), metavar="PAGE", help="Write a page about the dataset.")
@click.option("--count", type=click.IntRange(1, 100), default=9, show_default=True, help="How many examples to show.")
@click.option(
    "--sort", type=click.Choice(["stored", "lam"]), default="stored", show_default=True, help="Order of the examples."
)
@click.option(
    "--seed", type=click.IntRange(0, MAX_SEED), default=0, show_default=True, help="Chooses which examples are shown."
)
@click.option(
    "--against",
    metavar="SRC",
    help="Source of the parents' pictures (as --src).  [default: the TFDS dataset of that name]",
)
@source_option("split", help="Split of the source of --census.")
@reading_options
@click.option("--beta", metavar="ALPHA,…", help="Draw histograms of Beta(α, α) for these α, into PNG.")
@click.option(
    "--boundary", is_flag=True, help="Train a small classifier without and with mixup, and draw its regions into PNG."
)
@click.option("--alpha", type=float, default=0.4, show_default=True, help="The α of --boundary.")
@click.option("--debug", is_flag=True, help="Show tracebacks.")
@click.version_option(package_name="mixup-pipeline")
@click.pass_context
def main(context: click.Context, /, path: str, debug: bool, **options: Any) -> None:
    """Show a folder that mixup-augment made, or the images of a source that is still to be mixed.

    Without options it prints a summary of the manifest and checks the names and sizes of the files. It reads no
    shard, so it takes the same time for any number of examples. With --census it reads and decodes a whole source.

    \b
    mixup-inspect photos/ --census
    mixup-inspect shards/
    mixup-inspect shards/ --preview preview.png --html page.html
    mixup-inspect shards/ --find mnist-train.tfrecord-00000-of-00001__77
    mixup-inspect shards/ --example 17
    mixup-inspect --beta 0.1,0.2,0.4,0.6,0.8,0.9 beta.png
    mixup-inspect --boundary boundary.png
    """
    os.environ["MPLBACKEND"] = "agg"  # pictures go to files, not to a window
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it warns where the home folder is read-only
    with shown_errors(debug=debug):
        if not debug:
            log_quietly()
        asked = [name for name in _ACTIONS if options[name] not in (None, False)]
        _check_use(context, asked)
        if "census" in asked:
            _census(path, asked, options)
        elif "beta" in asked:
            draw_beta(_local(place(path)), options)
        elif "boundary" in asked:
            draw_boundary(_local(place(path)), options)
        else:
            _look(place(path), asked, options)


def _local(path: Place) -> Path:
    if isinstance(path, Path):
        return path
    raise click.UsageError(f"{path}: pictures are written to local files only.")


def _check_use(context: click.Context, asked: list[str]) -> None:
    """Refuse an option that would have no effect."""
    for name in {"beta", "boundary"} & set(asked):
        if len(asked) > 1:
            other = next(what for what in asked if what != name)
            raise click.UsageError(f"--{name} draws a picture of its own and cannot be combined with --{other}.")
    foreign = next((name for name in asked if name not in ("census", "html")), None)
    if "census" in asked and foreign is not None:
        raise click.UsageError(f"--census is about a source, and --{foreign} about mixed examples: leave one out.")
    for name, users in _USED_BY.items():
        given = context.get_parameter_source(name) is not ParameterSource.DEFAULT
        if given and not set(users) & set(asked):
            shown = " or ".join(f"--{user}" for user in users)
            raise click.UsageError(f"--{name.replace('_', '-')} is for {shown}: add one, or leave it out.")
        if given and name in _CHOOSING and "example" in asked:
            raise click.UsageError(f"--{name} chooses among several examples, but --example names one: leave one out.")


def _look(out: Place, asked: list[str], options: dict[str, Any]) -> None:
    from mixup_pipeline.dataset import mixed_examples as mixed
    from mixup_pipeline.dataset.find import check_source_id
    from mixup_pipeline.dataset.overview import read_overview
    from mixup_pipeline.report import text
    from mixup_pipeline.storage.atomic import check_target

    for name, suffix in (("preview", ".png"), ("html", ".html")):
        if options[name] is not None:
            check_target(name, options[name], suffix, outside=out)
    overview = read_overview(out)
    if "find" in asked:
        check_source_id(overview.manifest, options["find"])
    if asked:
        overview.refuse_damage()
    else:
        say(*text.overview_text(overview).split("\n"))
    named = None
    if "example" in asked:
        named = [mixed.find_location(overview.manifest, options["example"])]
    if "find" in asked:
        _find(overview, options["find"])
    if {"example", "preview", "html"} & set(asked):
        _show_examples(overview, asked, options, named)
    for fault in overview.faults:
        say(f"Fault: {fault}", err=True)
    if overview.faults:
        say(f"Error: {out}: does not match its manifest: see the faults above", err=True)
        sys.exit(1)


def _census(src: str, asked: list[str], options: dict[str, Any]) -> None:
    from mixup_pipeline.cli.progress import Stage, shown
    from mixup_pipeline.dataset.source_census import take_census
    from mixup_pipeline.report.census import table_lines
    from mixup_pipeline.report.census_page import census_page, rows_of
    from mixup_pipeline.storage.atomic import check_target, write_atomically

    if "html" in asked:
        check_target("html", options["html"], ".html", outside=None)
    source = SourceConfig(src=src, split=options["split"], allow_eval_split=True, **reading(options))
    with shown() as display:
        display.show(Stage(name="Reading"))
        found = take_census(
            source, lambda done, total: display.show(Stage(name="Reading", done=done, total=total, unit="files"))
        )
    say(
        f"{found.source.name}, split {found.source.split}: {found.summary.images:,} images",
        *table_lines(rows_of(found)),
    )
    if found.refusal:
        say("", f"To mix them: {found.refusal}")
    if "html" in asked:
        command = shlex.join(["mixup-inspect", *sys.argv[1:]])
        write_atomically(options["html"], census_page(found, command))
        say(f"Wrote {options['html']}: open it in a browser")


def _find(overview: Any, source_id: str) -> None:
    from mixup_pipeline.cli.progress import Stage, shown
    from mixup_pipeline.dataset.find import find
    from mixup_pipeline.report import text

    with shown() as display:

        def on_shard(done: int, total: int) -> None:
            display.show(Stage(name="Searching", done=done, total=total, unit="shards"))

        on_shard(0, len(overview.manifest.shards))
        appearances = list(find(overview.out, overview.manifest, source_id, on_shard=on_shard))
    say(*text.find_text(overview, source_id, appearances).split("\n"))


def _show_examples(
    overview: Any, asked: list[str], options: dict[str, Any], named: list[tuple[str, int]] | None
) -> None:
    from mixup_pipeline.dataset import mixed_examples as mixed
    from mixup_pipeline.dataset.parents import find_parents
    from mixup_pipeline.errors import SourceError
    from mixup_pipeline.report import text
    from mixup_pipeline.spec import counted
    from mixup_pipeline.storage.atomic import write_atomically

    out, manifest = overview.out, overview.manifest
    parents = find_parents(manifest, against=options["against"], data_dir=options["data_dir"])
    if parents is None:
        say("Note: the source was not found, so parents are named, not shown: add --against SRC.", err=True)
    locations = named or mixed.sample_locations(manifest, count=options["count"], seed=options["seed"])
    try:
        examples = mixed.load_examples(out, manifest, locations, parents)
    except SourceError as error:
        if parents is None or options["against"] is not None:
            raise
        say(f"Note: {error}.", err=True)  # the source was only guessed from its name
        examples = mixed.load_examples(out, manifest, locations)
    if options["sort"] == "lam":
        examples.sort(key=lambda example: example.lam)
    if named is not None:
        say(*text.example_text(overview, examples[0]).split("\n"))
    if "preview" in asked:
        from mixup_pipeline.report import pictures

        write_atomically(options["preview"], pictures.preview(overview, examples))
        say(f"Wrote {options['preview']}: {counted(len(examples), 'mixed example')}")
    if "html" in asked:
        from mixup_pipeline.dataset.columns import sample_columns
        from mixup_pipeline.dataset.lam_fit import lam_fit_of
        from mixup_pipeline.report.page import page

        columns = sample_columns(out, manifest, parents if examples[0].base is not None else None)
        write_atomically(options["html"], page(overview, examples, lam_fit_of(out, manifest), columns))
        say(f"Wrote {options['html']}: open it in a browser")


def program() -> None:
    """The console script."""
    if "--debug" not in sys.argv:
        keep_stderr_to_ourselves()
    run_program(main, leave_at_once=False)  # matplotlib may have a temporary cache to remove
