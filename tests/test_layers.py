"""The rooms of the house: imports go down only, and heavy libraries stay out of where they do not belong."""

import ast
import subprocess
from pathlib import Path

import pytest

import mixup_pipeline
from tests.commands import BIN

PACKAGE = Path(mixup_pipeline.__file__).parent
ROOMS = [
    "cli",
    "report",
    "comparison",
    "training",
    "launch",
    "engine",
    "run",
    "dataset",
    "sources",
    "records",
    "mixing",
    "storage",
    "config",
    "spec",
    "errors",
    "process",
]
"""From the top down: a room imports from those below it only."""


def imports() -> dict[str, set[str]]:
    """Modules by the modules they import, from the source text; `if TYPE_CHECKING` counts as well."""
    found: dict[str, set[str]] = {}
    for path in PACKAGE.rglob("*.py"):
        module = ".".join(["mixup_pipeline", *path.relative_to(PACKAGE).with_suffix("").parts]).removesuffix(
            ".__init__"
        )
        found[module] = set()
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("mixup_pipeline"):
                found[module] |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return {module: (used & set(found)) - {module} for module, used in found.items() if module != "mixup_pipeline"}


def room_of(module: str) -> str:
    return module.split(".")[1]


def test_the_rooms_are_those_of_the_table() -> None:
    assert {room_of(module) for module in imports()} == set(ROOMS)


def test_imports_go_down_only() -> None:
    upwards = [
        (module, other)
        for module, used in imports().items()
        for other in used - {"mixup_pipeline"}
        if ROOMS.index(room_of(other)) < ROOMS.index(room_of(module))
    ]
    assert upwards == []


def test_imports_make_no_circle() -> None:
    below = imports()
    while below:
        free = {module for module, used in below.items() if not used & set(below)}
        assert free, f"a circle among {sorted(below)}"
        below = {module: used for module, used in below.items() if module not in free}


def imported_by(code: str, *args: str) -> set[str]:
    """The top-level modules loaded after running some code in a fresh interpreter."""
    script = f"{code}\nimport sys; print('\\n' + ' '.join(sorted(name.partition('.')[0] for name in sys.modules)))"
    done = subprocess.run([str(BIN / "python"), "-c", script, *args], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.slow
@pytest.mark.parametrize("program", ["augment", "compare", "inspect", "train", "verify"])
def test_help_imports_neither_beam_nor_tensorflow_nor_numpy(program: str) -> None:
    code = f"""
from mixup_pipeline.cli.{program} import main
try:
    main(["--help"])
except SystemExit:
    pass
"""
    loaded = imported_by(code)
    assert "click" in loaded
    assert not loaded & {"apache_beam", "tensorflow", "tensorflow_datasets", "numpy", "cv2", "rich", "jsonschema"}


@pytest.mark.slow
def test_training_imports_no_beam(tmp_path: Path) -> None:
    code = """
import sys
from mixup_pipeline.cli import train
source = ["--src", "mnist_sample", "--eval-src", "mnist_sample"]
try:
    train.main([*source, "--steps", "2", "--out", sys.argv[1]])
except SystemExit as end:
    assert not end.code, end.code
"""
    loaded = imported_by(code, str(tmp_path / "run"))
    assert {"tensorflow", "keras"} <= loaded
    assert not loaded & {"apache_beam", "tensorflow_datasets"}


@pytest.mark.slow
def test_augmenting_and_verifying_import_no_tensorflow(tmp_path: Path) -> None:
    code = """
import sys
from mixup_pipeline.cli import augment, verify
for main, args in (
    (augment.main, ["--src", "mnist_sample", "--limit", "20", "--out", sys.argv[1]]),
    (verify.main, [sys.argv[1], "--against", "mnist_sample"]),
):
    try:
        main(args)
    except SystemExit as end:
        assert not end.code, end.code
"""
    loaded = imported_by(code, str(tmp_path / "out"))
    assert {"apache_beam", "cv2", "jsonschema_rs"} <= loaded
    assert not loaded & {"tensorflow", "tensorflow_datasets", "keras"}
