"""Figures of the gallery: how long until there is something to see, where 10,000 pictures are on the shelf."""

import hashlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from dgnam_client import Client
from dgnam_client._web.shelf import Content, Kept, Shelf
from measuring import Bench, Figures
from service_figures import addresses, serving

PICTURES = 10_000
_SHELF_BYTES = 2**34
_FOLD = {"width": 1280, "height": 800}
# Seconds until the first text or picture was painted, and until all pictures that can be seen without scrolling are there.
_PAINTED = "() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime / 1000"
_SEEN = """() => [...document.images].filter(image => image.getBoundingClientRect().top < innerHeight).every(image => image.complete)
  && performance.now() / 1000"""
Look = Callable[[str], tuple[float, float]]


def measure(bench: Bench) -> Figures:
    """Seconds until pages are painted first, and until the pictures on them that can be seen at once are there.

    Half of the pictures are of one unit, the others of all. Each page is opened by a browser that has seen nothing before. Without
    Playwright or Chromium: until a program has the page, and then the pictures that come first on it.
    """
    units = addresses(bench)
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder, serving(bench) as server:
        with Client(server.address, synthesis_timeout=3600) as client:
            _fill(Path(folder), client, units, bench)
        paths = {"home": "/", "layer": f"/taps/{units[0].rpartition(':')[0]}", "unit": f"/units/{units[0]}"}
        with _gallery(server.address, Path(folder)) as address, _browser() as look:
            for name, path in paths.items():
                bench.progress(f"the gallery's page {name}")
                look(address + path)  # which asks the server for what it needs to know once
                times = [look(address + path) for _ in range(bench.repeats)]
                figures[f"gallery_{name}_first_paint_s"] = statistics.median(painted for painted, _ in times)
                figures[f"gallery_{name}_pictures_s"] = statistics.median(seen for _, seen in times)
    return figures


def _fill(folder: Path, client: Client, units: list[str], bench: Bench) -> None:
    """Put one picture on the shelf, many times over."""
    result = client.synthesize(units[0], steps=2)
    kept, content = Kept.of(result, units[0]), Content.of(result)
    shelf = Shelf(folder, _SHELF_BYTES)
    shelf._base.execute("PRAGMA synchronous = OFF")  # it is of no use tomorrow
    for number in range(PICTURES):
        if not number % 1000:
            bench.progress(f"a shelf with {number} pictures")
        unit = units[0 if number % 2 else number // 2 % len(units)]
        digest = hashlib.sha256(str(number).encode()).hexdigest()
        shelf._write(replace(kept, digest=digest, target=unit, seed=number), content, (unit,))
    shelf.close()


@contextmanager
def _gallery(server: str, folder: Path) -> Iterator[str]:
    """The address of a gallery that has a shelf in this folder."""
    command = [sys.executable, "-m", "dgnam_client", "gallery", "--server", server, "--folder", str(folder), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield re.findall(r"http://\S+", process.stdout.readline())[0].rstrip("/")
        process.terminate()


@contextmanager
def _browser() -> Iterator[Look]:
    """What opens a page and tells when it was painted."""
    try:
        from playwright import sync_api
    except ImportError:
        yield _fetched
        return
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with sync_api.sync_playwright() as playwright:
        try:
            chromium = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        except sync_api.Error:
            yield _fetched
            return
        yield lambda address: _painted(chromium, address)
        chromium.close()


def _painted(chromium: Any, address: str) -> tuple[float, float]:
    with chromium.new_context(viewport=_FOLD) as context:
        page = context.new_page()
        page.set_default_timeout(120_000)
        page.goto(address)
        painted = page.wait_for_function(_PAINTED).json_value()
        return float(painted), float(page.wait_for_function(_SEEN).json_value())


def _fetched(address: str) -> tuple[float, float]:
    """Without a browser."""
    started = time.perf_counter()
    text = _read(address).decode()
    there = time.perf_counter() - started
    base = "/".join(address.split("/")[:3])
    for picture in re.findall(r'<img src="(/[^"]+)"', text)[:24]:
        _read(base + picture)
    return there, time.perf_counter() - started


def _read(address: str) -> bytes:
    with urllib.request.urlopen(address, timeout=120) as answer:
        return bytes(answer.read())
