"""Running the real commands as processes of their own."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

BIN = Path(sys.executable).parent


def command(name: str, *args: str | Path) -> list[str]:
    return [str(BIN / name), *map(str, args)]


def run(name: str, *args: str | Path, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run a console script to its end."""
    return subprocess.run(
        command(name, *args),
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
        env={**os.environ, **(env or {})},
    )


def succeed(name: str, *args: str | Path, env: Mapping[str, str] | None = None) -> str:
    """Run a console script that must succeed; what it printed."""
    done = run(name, *args, env=env)
    assert done.returncode == 0, done.stderr
    return done.stdout
