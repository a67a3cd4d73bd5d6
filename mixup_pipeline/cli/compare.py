"""mixup-compare: does mixup help on these data? Several arms, several seeds, one report with intervals."""

import shlex
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mixup_pipeline.cli.common import Program, run_program, say, shown_errors
from mixup_pipeline.cli.options import (
    bad_record_option,
    deterministic_option,
    reading,
    reading_options,
    source_option,
    training_options,
)
from mixup_pipeline.comparison.cells import all_arms, known_arms
from mixup_pipeline.config import SourceConfig
from mixup_pipeline.config.option import options_of
from mixup_pipeline.errors import UsageError
from mixup_pipeline.storage.places import check_local
from mixup_pipeline.training.train_config import TrainConfig

if TYPE_CHECKING:
    from mixup_pipeline.comparison.compare_config import CompareConfig

_STOPPED = 1
_NOT_COMPARED = ("clean_last_epochs", "label_smoothing", "seed")
"""Options of training that differ between arms, or that a comparison chooses."""


@click.command(cls=Program, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option("--src", required=True, help="Training examples, as --src of mixup-augment names them.")
@source_option("split", help="Split of --src.")
@click.option("--eval-src", help="Clean examples to evaluate on.  [default: --src]")
@click.option("--eval-split", default="test", show_default=True, help="Their split.")
@reading_options
@bad_record_option
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder of this comparison.")
@click.option(
    "--arms",
    help=f"Ways of training to compare, of {', '.join(all_arms())}; baseline must be one of them.  [default: those of "
    f"{','.join(known_arms())} that fit the labels; near-label too where they are one value]",
)
@click.option("--seeds", type=int, default=5, show_default=True, help="So many runs of every arm.")
@click.option("--alpha", type=float, default=0.2, show_default=True, help="λ ~ Beta(alpha, alpha).")
@click.option("--copies", type=int, help="Copies mixed ahead of training.  [default: as many as epochs, at most 10]")
@click.option("--subset", type=int, metavar="N", help="Train on N random examples of the split, others for every seed.")
@click.option("--limit", hidden=True)
@click.option("--sweep", multiple=True, metavar="AXIS=V,V,…", help="Try several values of copies, alpha or subset.")
@click.option("--corrupt-labels", default="0", metavar="S,S,…", help="Shares of training labels that are wrong.")
@click.option("--fgsm", metavar="E,E,…", help="Accuracy under one-step attacks of these sizes, pixels being 0 to 1.")
@click.option(
    "--outliers", metavar="NAME", multiple=True, help="Another dataset: how sure are the networks of its images?"
)
@training_options(without=_NOT_COMPARED)
@deterministic_option
@click.option("--quiet", is_flag=True, help="Print errors only.")
@click.option("--debug", is_flag=True, help="Show tracebacks.")
@click.version_option(package_name="mixup-pipeline")
def main(**options: Any) -> None:
    """Does mixup help on your data? Train arms with and without it, several seeds each, and compare them.

    All arms of a seed start from the same weights and take the same number of steps. Mixed shards are made as
    mixup-augment makes them, used, and removed. Finished runs are kept: the same command goes on after a stop, and more
    seeds, arms, sweeps or attacks add to what is there.

    \b
    mixup-compare --src mnist --alpha 0.2 --seeds 5 --epochs 10 --out compared
    mixup-compare --src mnist --arms baseline,any,online --sweep copies=1,2,5,10 --out compared
    """
    with shown_errors(debug=options["debug"]):
        if options["limit"] is not None:
            raise UsageError(f"--limit is called subset now: write --subset {options['limit']}")
        _compare(options)


def _compare(options: dict[str, Any]) -> None:
    from mixup_pipeline.cli.progress import shown
    from mixup_pipeline.cli.run_counter import RunCounter
    from mixup_pipeline.comparison.compare_config import CompareConfig, parse_numbers, parse_sweep
    from mixup_pipeline.comparison.fitting_arms import fitting_arms
    from mixup_pipeline.sources import evaluation_config

    for option in ("src", "eval_src", "data_dir"):
        check_local(option.replace("_", "-"), options[option])
    for name in options["outliers"]:
        check_local("outliers", name)
    source = SourceConfig(src=options["src"], split=options["split"], **reading(options))
    given, left_out = options["arms"], None
    if given is None:
        arms, left_out = fitting_arms(source)
    else:
        arms = tuple(arm.strip() for arm in given.split(","))
    settings = {name: options[name] for name in options_of(TrainConfig) if name in options}
    config = CompareConfig(
        arms=arms,
        seeds=options["seeds"],
        alpha=options["alpha"],
        copies=options["copies"],
        subset=options["subset"],
        train=TrainConfig(**settings),
        sweeps=tuple(parse_sweep(text) for text in options["sweep"]),
        corrupt_labels=parse_numbers("corrupt-labels", options["corrupt_labels"]),
        fgsm=parse_numbers("fgsm", options["fgsm"]) if options["fgsm"] else (),
        outliers=options["outliers"],
    )
    evaluation = evaluation_config(source, options["eval_src"] or options["src"], split=options["eval_split"])
    from mixup_pipeline.comparison.compare import compare
    from mixup_pipeline.comparison.comparison import Callbacks, Comparison
    from mixup_pipeline.training.loop import Trainer
    from mixup_pipeline.training.tasks import CHOSEN, FLATTERS, task_of_history
    from mixup_pipeline.training.watch import Stopped

    training: list[Trainer] = []

    def stop(*_: Any) -> None:
        if not training:  # but mixing or measuring, which is done anew
            raise KeyboardInterrupt
        training[-1].stop()

    def on_run(number: int, total: int, cell: Any, seed: int, result: dict[str, Any]) -> None:
        at = CHOSEN if config.train.val_share else FLATTERS
        said = task_of_history(result["last"]).last_and_best(result["last"], result["best"], at=at)
        runs.on_run(number)
        display.say(f"{number:>4}/{total}  {cell.name}, seed {seed}: {said}")

    def on_note(note: str) -> None:
        display.say(f"Note: {note}", err=True)

    comparison = Comparison(
        source=source,
        evaluation=evaluation,
        config=config,
        device=options["device"],
        deterministic=options["deterministic"],
        on_bad_record=options["on_bad_record"],
        command=shlex.join(["mixup-compare", *sys.argv[1:]]),
    )
    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, stop)
        with shown(quiet=options["quiet"]) as display:
            runs = RunCounter(display, total=len(config.cells()) * config.seeds)
            callbacks = Callbacks(
                on_start=training.append,
                on_end=training.clear,
                on_step=runs.on_step,
                on_run=on_run,
                on_note=on_note,
                on_hint=on_note,
            )
            if left_out is not None:
                on_note(left_out)
            results = compare(comparison, options["out"], callbacks)
        _report(results, config, options["out"], shown=not options["quiet"])
    except (Stopped, KeyboardInterrupt) as stopped:
        said = str(stopped) or "stopped between two runs, finished runs are kept"
        say(f"Stopped: {said}. Run the same command again to go on.", err=True)
        sys.exit(_STOPPED)


def _report(results: dict[str, Any], config: "CompareConfig", out: Path, *, shown: bool) -> None:
    from mixup_pipeline.comparison.folder import CompareFolder
    from mixup_pipeline.report.comparison_page import report
    from mixup_pipeline.report.comparison_text import markdown, terminal_text

    folder = CompareFolder(out)
    made = report(
        results, folder.load_samples([config.cell(arm, corrupt=config.corrupt_labels[0]) for arm in config.arms])
    )
    folder.save_report(made.html, markdown(results), made.pictures)
    if shown:
        beside = f"{out / 'report.html'}, report.md, results.json and pictures/ beside it"
        say(*terminal_text(results).split("\n"), "", beside)


def program() -> None:
    """The console script."""
    run_program(main)
