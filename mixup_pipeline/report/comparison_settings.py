"""What was compared: the model and how it was trained, on how many examples, in words for the head of a report."""

from collections.abc import Sequence

from mixup_pipeline.comparison.cells import number_name
from mixup_pipeline.report.comparison_tables import Results
from mixup_pipeline.report.words import one_line
from mixup_pipeline.spec import counted


def settings(results: Results) -> list[tuple[str, str]]:
    """(name, value) of each setting that the figures depend on."""
    config, train = results["config"], results["config"]["train"]
    length = f"{train['steps']:,} steps" if train["steps"] else counted(train["epochs"], "epoch")
    steps = [run["steps"] for run in results["runs"]]
    if not train["steps"]:
        length += f", {_range((min(steps), max(steps)))} steps"
    rate = f"{train['optimizer']}, learning rate {train['learning_rate']:g}"
    rate += f", {train['schedule']}" if train["schedule"] != "constant" else ""
    rate += f", warm-up {train['warmup']:.0%}" if train["warmup"] else ""
    rate += f", weight decay {train['weight_decay']:g}" if train["weight_decay"] else ""
    found = [
        ("model", one_line(train["model"])),
        ("length", length),
        ("batch", f"{train['batch_size']:,}"),
        ("optimizer", rate),
        ("α", number_name(config["alpha"])),
        ("copies", f"{config['copies']:,}"),
        ("augmentation", train["augment"] or "none"),
        ("seeds", f"{config['seeds']:,}"),
    ]
    sizes = results["examples"]
    found.append(("trained on", f"{_range(sizes['training'])} examples"))
    if sizes["held_out"][1]:
        found.append(("epoch chosen on", f"{_range(sizes['held_out'])} held-out examples"))
    return [*found, ("evaluated on", f"{sizes['evaluation']:,} examples")]


def _range(ends: Sequence[int]) -> str:
    """One number, or two where they differ."""
    return " to ".join(f"{one:,}" for one in dict.fromkeys(ends))
