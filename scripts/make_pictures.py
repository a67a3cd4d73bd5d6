"""Make the pictures of README anew: `make pictures`. Needs Chromium for the picture of the page.

All of them are what the commands write from the bundled sample; only the page is photographed.
"""

import contextlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs/pictures"
BIN = Path(sys.executable).parent
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


def run(name: str, *args: str | int | Path) -> None:
    subprocess.run([BIN / name, *map(str, args)], check=True)


@contextlib.contextmanager
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield opened
        opened.close()


def photograph(html: Path) -> None:
    """The upper part of the page, beside it on a phone in dark."""
    with browser() as opened:
        wide = opened.new_page(viewport={"width": 1000, "height": 1230})
        wide.goto(html.as_uri())
        wide.screenshot(path=FOLDER / "page.png")
        phone = opened.new_page(viewport={"width": 360, "height": 1230}, color_scheme="dark")
        phone.goto(html.as_uri())
        phone.locator("#charts").scroll_into_view_if_needed()
        phone.evaluate("document.querySelector('#charts').scrollIntoView()")
        phone.screenshot(path=FOLDER / "page-phone.png")


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        shards, html = Path(folder) / "shards", Path(folder) / "page.html"
        run("mixup-augment", "--src", "mnist_sample", "--alpha", "1", "--out", shards)
        run("mixup-inspect", shards, "--preview", FOLDER / "preview.png", "--count", "6", "--sort", "lam")
        run("mixup-inspect", shards, "--html", html, "--count", "8", "--sort", "lam")
        photograph(html)
    run("mixup-inspect", "--beta", "0.1,0.2,0.4,0.6,0.8,0.9", FOLDER / "beta.png")
    run("mixup-inspect", "--boundary", FOLDER / "boundary.png")


if __name__ == "__main__":
    main()
