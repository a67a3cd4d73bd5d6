"""The pages in a real browser: they need no network, show every figure, fit a phone, can be used by keyboard."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import cv2
import pytest
from playwright.sync_api import Browser, Page, Request, sync_playwright

from mixup_pipeline import MixConfig, augment
from mixup_pipeline.report.comparison_page import Report
from tests.cli.inprocess import run_inspect, succeed
from tests.datasets import write_tfds
from tests.report.contrast import contrast

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
FLAGS += ["--disable-component-update", "--disable-sync"]
Scheme = Literal["light", "dark"]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("whole_report"),
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: install the package chromium"),
]


@pytest.fixture(scope="module")
def html(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a small dataset with class names, copies, and parents at hand."""
    folder = tmp_path_factory.mktemp("page")
    data = write_tfds(folder / "data/shapes/1.0.0", num_examples=60, num_classes=4)
    augment(str(data.folder), folder / "shards", MixConfig(copies=3, prob=0.9, alpha=0.4))
    page = folder / "page.html"
    succeed(run_inspect(folder / "shards", "--html", page, "--against", data.folder, "--count", "5"))
    return page


@pytest.fixture(scope="module")
def report_html(whole_report: Report, tmp_path_factory: pytest.TempPathFactory) -> Path:
    page = tmp_path_factory.mktemp("report") / "report.html"
    page.write_text(whole_report.html)
    return page


@pytest.fixture(params=["html", "report_html"])
def either(request: pytest.FixtureRequest) -> Path:
    """Each of the two pages."""
    return Path(request.getfixturevalue(request.param))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


def load(browser: Browser, html: Path, width: int = 1280, scheme: Scheme = "light") -> Page:
    """The page in a window; anything that it asks of another place, and any message of an error, fails the test."""
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    problems: list[str] = []

    def note(request: Request) -> None:
        if not request.url.startswith(("file:", "data:")):
            problems.append(request.url)

    page.on("request", note)
    page.on("console", lambda message: problems.append(message.text))
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(html.as_uri())
    page.wait_for_load_state("load")
    assert problems == []
    return page


def test_every_picture_is_shown_and_has_an_alternative_text(browser: Browser, html: Path) -> None:
    page = load(browser, html)
    images = page.locator("img")
    assert images.count() == 3 * 5 + 3  # mixed, base and partner; three charts
    widths = images.evaluate_all("images => images.map(image => image.complete ? image.naturalWidth : 0)")
    assert min(widths) > 0
    texts = [text or "" for text in images.evaluate_all("images => images.map(image => image.getAttribute('alt'))")]
    assert min(map(len, texts)) > 10


def test_charts_are_found_by_their_headings_and_tell_their_result(browser: Browser, html: Path) -> None:
    page = load(browser, html)
    assert page.locator(".charts h3").all_inner_texts() == ["Mixing weight λ", "Class balance", "Class pairs"]
    assert "Kolmogorov–Smirnov test of" in page.locator(".charts figcaption").first.inner_text()
    assert "shapes/1.0.0 --alpha 0.4 --copies 3 --prob 0.9" in page.locator("pre").inner_text()
    assert page.locator("section table tbody tr").count() >= 5


def test_a_report_shows_its_verdict_its_pictures_and_opens_its_tables(browser: Browser, report_html: Path) -> None:
    page = load(browser, report_html)
    assert page.locator(".verdict").count() == 2  # shares of wrong labels
    assert (
        page.locator(".verdict")
        .first.inner_text()
        .startswith("Accuracy on clean examples is higher with any, cross-class and online")
    )
    images = page.locator("img")
    assert images.count() == 2 * 11 + 2
    assert min(images.evaluate_all("images => images.map(image => image.complete ? image.naturalWidth : 0)")) > 0
    assert min(images.evaluate_all("images => images.map(image => image.alt.length)")) > 40
    page.locator("summary").first.focus()
    page.keyboard.press("Enter")
    table = page.get_by_role("table", name="Accuracy by copies K, in %").first
    assert table.is_visible()
    assert table.locator("tbody tr").count() == 1 + 3 * 3 + 1
    assert page.locator("pre").inner_text() == "mixup-compare --src shapes --out compared"


@pytest.mark.parametrize("width", [320, 375, 768, 1280])
def test_nothing_is_wider_than_the_window(browser: Browser, either: Path, width: int) -> None:
    page = load(browser, either, width)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    sizes = page.locator("main p, figcaption, td, dd, span").evaluate_all(
        "texts => texts.map(text => parseFloat(getComputedStyle(text).fontSize))"
    )
    assert min(sizes) >= 12  # pixels: readable on a phone


def test_tables_can_be_reached_and_scrolled_by_keyboard(browser: Browser, html: Path) -> None:
    page = load(browser, html, 375)
    reached = []
    for _ in range(8):
        page.keyboard.press("Tab")
        reached.append(
            page.evaluate("document.activeElement.getAttribute('aria-label') || document.activeElement.tagName")
        )
    assert reached[:2] == ["A", "SUMMARY"]
    assert "Provenance of a sample" in reached
    page.set_viewport_size({"width": 200, "height": 800})
    page.locator("details summary").click()
    region = page.get_by_role("region", name="Class pairs").last
    region.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("element => element.scrollLeft > 0", arg=region.element_handle())


@pytest.mark.parametrize("width", [400, 800, 1300])
def test_the_provenance_can_be_read_without_scrolling_sideways(browser: Browser, html: Path, width: int) -> None:
    page = load(browser, html, width)
    region = page.get_by_role("region", name="Provenance of a sample").last
    wide, shown = (region.evaluate(f"element => element.{side}Width") for side in ("scroll", "client"))
    assert wide <= shown
    cells = region.locator("tbody td")
    assert all(cells.nth(n).bounding_box()["x"] < width for n in range(cells.count()))  # type: ignore[index]


def test_tables_of_the_classes_open_by_keyboard(browser: Browser, html: Path) -> None:
    page = load(browser, html)
    page.locator("summary").focus()
    page.keyboard.press("Enter")
    table = page.get_by_role("table", name="Class balance")
    assert table.is_visible()
    assert table.locator("tbody tr").count() == 4


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_screenshot_has_the_colours_of_the_scheme(
    browser: Browser, either: Path, scheme: Scheme, tmp_path: Path
) -> None:
    page = load(browser, either, 768, scheme)
    page.screenshot(path=tmp_path / "page.png", full_page=True)
    picture = cv2.imread(str(tmp_path / "page.png"))
    assert picture is not None
    assert picture.shape[0] > 1500
    background = picture[5, 5].mean()
    assert background > 230 if scheme == "light" else background < 30
    chart = page.locator(".charts img").first.evaluate("image => image.currentSrc")
    assert chart == page.locator(".charts picture").first.locator("source" if scheme == "dark" else "img").evaluate(
        "element => element.getAttribute('srcset') || element.getAttribute('src')"
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(browser: Browser, either: Path, scheme: Scheme) -> None:
    page = load(browser, either, 768, scheme)
    colour = "element => getComputedStyle(element)[{}].match(/[0-9.]+/g).map(Number)"
    ground = page.locator("body").evaluate(colour.format("'backgroundColor'"))
    for selector in ("h1", "header p", "main p", "figcaption", "dt", "caption"):
        text = page.locator(selector).first.evaluate(colour.format("'color'"))
        assert contrast(text[:3], ground[:3]) >= 4.5, selector
