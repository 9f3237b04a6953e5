"""The gallery in a real browser, over a real server.

They need playwright, and a Chromium: Playwright's own (`playwright install chromium`) or the system's (`apt install chromium`). They are
slow too: `make test-all ARGS="-k gallery_browser"`.
"""

from __future__ import annotations

import io
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from free_ports import free_port
from PIL import Image

sync_api = pytest.importorskip("playwright.sync_api", reason="the browser's tests need playwright: pip install playwright")
pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.timeout(400)]

LEMON, TEAPOT = "/units/tiny:fc8:2", "/units/tiny:fc8:3"
WAIT_MS = 120_000
LONG = 2000  # steps of a drawing that is not to end by itself


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
        try:
            browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        except sync_api.Error as error:
            pytest.skip(f"no browser: playwright install chromium, or apt install chromium ({str(error).splitlines()[0]})")
        yield browser
        browser.close()


@contextmanager
def gallery(address: str, folder: Path, port: int = 0) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`dgnam gallery` as a program; its process and its address."""
    command = [sys.executable, "-m", "dgnam_client", "gallery", "--server", address, "--folder", str(folder), "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = process.stdout.readline()
        try:
            yield process, re.findall(r"http://\S+", said)[0].rstrip("/")
        finally:
            process.send_signal(signal.SIGTERM)


@pytest.fixture(scope="module")
def address(server: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with gallery(server.address, tmp_path_factory.mktemp("shelf")) as (_, address):
        yield address


@pytest.fixture
def tab(chromium: Any, address: str) -> Iterator[Callable[..., Any]]:
    """Opens tabs. What a page complains of in the console, a script that the policy refuses among it, fails the test."""
    contexts, complaints = [], []

    def opened(path: str = LEMON, base: str = address, **settings: Any) -> Any:
        contexts.append(chromium.new_context(base_url=base, **settings))
        page = contexts[-1].new_page()
        page.set_default_timeout(WAIT_MS)
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(path)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not [text for text in complaints if "Failed to load resource" not in text and "ERR_" not in text]


def draw(page: Any, steps: int, seed: int = 0) -> Any:
    """Ask for a picture by the keyboard; returns its card."""
    page.fill("[name='option.steps']", str(steps))
    page.fill("[name=seed]", str(seed))
    page.locator("body").press("Escape")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("d")
    return page.locator("#drawings article").first


def progress(page: Any) -> float:
    return float(page.locator("#drawings progress").first.evaluate("bar => bar.value"))


def grows(page: Any) -> None:
    before = progress(page)
    page.wait_for_function("before => document.querySelector('#drawings progress').value > before", arg=before)


def test_draw_and_watch(tab: Callable[..., Any]) -> None:
    page = tab()
    draw(page, 200)
    page.wait_for_selector("#drawings [data-live] .preview:not([hidden])")
    grows(page)
    assert "of 200" in page.locator("#drawings [data-text]").first.inner_text()
    page.wait_for_selector("#drawings a.frame img")
    page.wait_for_function("() => document.querySelector('#drawings a.frame img').naturalWidth === 32")
    page.click("#drawings a.frame")
    page.wait_for_url("**/pictures/*")
    with page.expect_download() as download:
        page.click("text=Recipe (JSON)")
    assert download.value.suggested_filename == "lemon-0.json"
    page.go_back()
    page.wait_for_selector(".pictures section a.frame")


def test_cancel(tab: Callable[..., Any], server: Any) -> None:
    page = tab()
    draw(page, LONG)
    page.wait_for_selector("[data-state=drawing]")
    page.keyboard.press("c")
    page.wait_for_selector("text=Draw again")
    assert server.idle()
    page.click("text=Dismiss")
    page.wait_for_selector("#drawings article", state="detached")


def test_reload_in_mid_drawing_and_two_tabs(tab: Callable[..., Any]) -> None:
    first = tab()
    draw(first, LONG)
    first.wait_for_selector("#drawings .preview:not([hidden])")
    first.reload()
    first.wait_for_selector("#drawings .preview:not([hidden])")
    grows(first)
    second = tab()
    grows(second)
    second.click("text=Cancel")
    first.wait_for_selector("[data-state=cancelled]")


def test_more_at_once_than_a_browser_has_connections(tab: Callable[..., Any]) -> None:
    page = tab(TEAPOT)
    page.fill("[name=count]", "12")
    draw(page, 40)
    page.wait_for_function("() => document.querySelectorAll('#drawings a.frame').length === 12")


def test_a_server_that_dies_and_comes_back(chromium: Any, tab: Callable[..., Any], start_server: Any, tmp_path: Path) -> None:
    port = free_port()
    served = start_server(port=port)
    with gallery(f"127.0.0.1:{port}", tmp_path / "shelf") as (_, address):
        page = tab(base=address)
        draw(page, 20)
        page.wait_for_selector("#drawings a.frame")
        draw(page, LONG, 1)
        page.wait_for_selector("[data-state=drawing]")
        served.process.kill()
        page.wait_for_selector("[data-state=failed]")
        page.wait_for_selector("text=does not answer")
        page.reload()
        page.wait_for_selector(".pictures section a.frame")  # what is drawn can be looked at
        other = tab("/networks/tiny-res", base=address)
        other.wait_for_selector("[data-retries]")
        start_server(port=port)
        other.wait_for_selector("h1:has-text('tiny-res')")
        page.click("text=Draw again")
        page.wait_for_selector("[data-state=drawing] .preview:not([hidden])")
        page.click("text=Cancel")


def test_a_gallery_that_is_started_anew(tab: Callable[..., Any], server: Any, tmp_path: Path) -> None:
    with gallery(server.address, tmp_path) as (process, address):
        page = tab(base=address)
        draw(page, LONG)
        page.wait_for_selector("[data-state=drawing]")
        process.kill()
    assert server.idle(), "nobody waits for it any more"
    with gallery(server.address, tmp_path, int(address.rpartition(":")[2])):
        page.wait_for_selector("text=started anew")


def test_keys_and_sliders(tab: Callable[..., Any]) -> None:
    page = tab()
    page.keyboard.press("?")
    page.wait_for_selector("dialog[open]")
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog", state="hidden")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "search"
    page.keyboard.type("kettle? d")  # letters typed are no shortcuts
    page.keyboard.press("Escape")
    page.keyboard.press("ArrowRight")
    page.wait_for_url(f"**{TEAPOT}")
    page.keyboard.press("u")
    page.wait_for_url("**/taps/tiny:fc8")
    page.goto(LEMON)
    slider, number = page.locator("[data-knob] input[type=range]").first, page.locator("[name='option.steps']")
    assert slider.input_value() == "500", "the default is in the middle"
    slider.fill("1000")
    assert number.input_value() == "2000"
    number.fill("1")
    assert slider.input_value() == "0"
    page.select_option("[name=method]", "pyramid")
    page.wait_for_selector("[name='option.octaves']", state="attached")  # among the options of a part that is closed
    page.fill("#pair", "tea")
    page.click("#pairs a >> nth=0")
    page.wait_for_url(f"**{LEMON}+tiny:fc8:3")


def test_what_is_wrong_is_told_beside_the_form(tab: Callable[..., Any]) -> None:
    page = tab()
    page.eval_on_selector("#draw", "form => { form.noValidate = true; }")
    page.fill("[name=count]", "99")
    page.click("#draw .primary")
    page.wait_for_selector("#problems li:has-text('99 is not between 1 and 16')")


def test_a_photograph_is_dropped_in(tab: Callable[..., Any]) -> None:
    file = io.BytesIO()
    Image.linear_gradient("L").convert("RGB").save(file, "PNG")
    page = tab()
    page.evaluate(
        """bytes => {
            const carried = new DataTransfer();
            carried.items.add(new File([new Uint8Array(bytes)], "photo.png", { type: "image/png" }));
            dispatchEvent(new DragEvent("drop", { dataTransfer: carried, bubbles: true, cancelable: true }));
        }""",
        list(file.getvalue()),
    )
    page.wait_for_selector("#drop img:not([hidden])")
    draw(page, 5, 77)
    page.click("#drawings a.frame")
    page.wait_for_selector("text=the photograph that it began with")


def test_a_job_grows_under_the_eyes(tab: Callable[..., Any], server: Any) -> None:
    page = tab("/taps/tiny:conv3")
    page.click("text=Draw them as a job")
    page.fill("#job [name=seeds]", "20")
    page.wait_for_selector("#cost strong:has-text('pictures')")
    page.click("#job .primary")
    page.wait_for_url("**/jobs/*")
    count = "() => document.querySelectorAll('.tile img').length"
    page.wait_for_function(f"() => ({count})() > 0")
    before = page.evaluate(count)
    page.wait_for_function(f"before => ({count})() > before", arg=before)
    page.click("text=Pause")
    page.wait_for_selector("[data-phase=paused] >> text=Resume")
    page.mouse.wheel(0, 30_000)
    page.wait_for_function("() => document.querySelectorAll('.tile').length > 60")  # the next are there when they are reached
    page.click("text=Cancel")
    page.wait_for_selector("[data-phase=cancelled]")
    with server.client() as client:
        for state in client.jobs():
            client.job(state.id).delete()


def test_a_job_has_the_options_of_its_method(tab: Callable[..., Any], server: Any) -> None:
    page = tab("/taps/tiny:fc8?filter=lemon")
    page.click("text=Draw them as a job")
    page.select_option("#job [name=method]", "pyramid")
    page.locator("#job [name='option.octaves']").wait_for(state="attached")
    page.fill("#job [name='option.steps']", "3")
    page.wait_for_selector("#cost strong:has-text('1 picture')")
    page.click("#job .primary")
    page.wait_for_url("**/jobs/*")
    page.wait_for_selector(".tile img")
    with server.client() as client:
        job = client.job(client.jobs()[0].id)
        recipe = job.picture(next(job.pictures(phase="done"))).recipe
        assert (recipe.method, recipe.options["steps"]) == ("pyramid", 3)
        job.delete()


@pytest.mark.parametrize("path", ["/", "/jobs", "/networks/tiny", "/taps/tiny:fc8", LEMON, "/search?q=lemon"])
def test_on_a_phone(tab: Callable[..., Any], path: str) -> None:
    page = tab(path, viewport={"width": 360, "height": 740}, is_mobile=True, has_touch=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360, "nothing is wider than the screen"
    page.wait_for_selector(".status [data-answers]")
    page.evaluate("document.querySelector('.status span:not(.dot)').textContent = 'grpc://gallery.example.org:7433 does not answer'")
    bar = [page.locator(f".top > {part}").bounding_box() for part in (".brand", ".status", "button")]
    middles = [box["y"] + box["height"] / 2 for box in bar]
    assert max(middles) - min(middles) < 12 and bar[2]["x"] + bar[2]["width"] <= 360, "however long the status is, the bar has one line"
    if path == LEMON:
        tops = [page.locator(part).bounding_box()["y"] for part in ("#draw .primary", ".pictures", ".extras")]
        assert tops == sorted(tops) and tops[0] < 740, "first what draws, then the pictures, then what few need"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_light_and_dark_by_the_system(tab: Callable[..., Any], scheme: str) -> None:
    page = tab(color_scheme=scheme)
    colours = page.evaluate("[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]")
    paper, ink = (sum(map(float, re.findall(r"[\d.]+", colour)[:3])) / 3 / 255 for colour in colours)
    assert (paper > 0.9 and ink < 0.2) if scheme == "light" else (paper < 0.2 and ink > 0.85)


def test_without_a_script(chromium: Any, address: str) -> None:
    """Forms and links do without: a picture is asked for, and there after a while."""
    context = chromium.new_context(base_url=address, java_script_enabled=False)
    page = context.new_page()
    page.goto(LEMON)
    page.fill("[name='option.steps']", "3")
    page.fill("[name=seed]", "55")
    page.click("#draw .primary")
    deadline = time.monotonic() + 60
    while not page.locator("text=seed 55").count() or page.locator("[data-live]").count():
        assert time.monotonic() < deadline
        page.goto(LEMON)
    context.close()
