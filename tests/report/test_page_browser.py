"""The page in a browser, where there is one: it fits, it shows something, and it asks for nothing."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from neuralviews.fit.reproduce import open_store_source
from neuralviews.report.page import report

from ..made_stores import make_store
from .evaluations import made_evaluation

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
WIDTHS = (360, 768, 1600)

pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium on PATH")


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("browser")
    store = make_store(folder / "store", diverged=(4,))
    source = open_store_source(store, None)
    report(store, folder / "page.html", source=source, evaluation=made_evaluation(store))
    return folder / "page.html"


def browse(page: Path, *options: str) -> subprocess.CompletedProcess[str]:
    assert BROWSER is not None
    folder = page.parent
    given = ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run")
    place = f"--user-data-dir={folder / 'profile'}"
    return subprocess.run(
        [BROWSER, *given, place, "--disable-background-networking", *options, page.as_uri()],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
        env={**os.environ, "HOME": str(folder)},
    )


def watched(page: Path, picture: Path) -> tuple[str, int]:
    """What the browser says while it draws a page, and how many requests the page makes.

    The browser makes some of its own; those of a file have the origin ``null``.
    """
    log = page.parent / "net.json"
    done = browse(
        page,
        f"--screenshot={picture}",
        "--window-size=1200,2400",
        "--enable-logging=stderr",
        "--host-resolver-rules=MAP * ~NOTFOUND",
        f"--log-net-log={log}",
    )
    return done.stderr, log.read_text().count('"initiator":"null"')


def test_it_renders_without_errors_and_requests(page: Path) -> None:
    picture = page.parent / "page.png"
    said, requests = watched(page, picture)
    assert "CONSOLE" not in said
    assert not requests
    pixels = np.asarray(Image.open(picture).convert("RGB"))
    assert pixels.shape == (2400, 1200, 3)
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 100


def test_errors_and_requests_would_be_seen(tmp_path: Path) -> None:
    bad = tmp_path / "bad.html"
    bad.write_text(
        '<!doctype html><img src="http://example.invalid/a.png" alt=""><script>console.error("seen")</script>'
    )
    said, requests = watched(bad, tmp_path / "bad.png")
    assert "CONSOLE" in said
    assert requests == 1


def test_its_width_is_that_of_the_screen(page: Path) -> None:
    """Frames stand for screens; the page itself runs no script, so what holds them measures."""
    frames = "".join(
        f'<iframe src="page.html" style="border:0;width:{width}px;height:800px"></iframe>' for width in WIDTHS
    )
    outer = page.parent / "frames.html"
    outer.write_text(
        f"<!doctype html><body>{frames}<pre></pre><script>onload = () => {{"
        "document.querySelector('pre').textContent = JSON.stringify([...document.querySelectorAll('iframe')]"
        ".map(f => [f.contentDocument.documentElement.scrollWidth, f.contentDocument.images.length,"
        " [...f.contentDocument.images].filter(i => !i.complete || !i.naturalWidth).length]));}</script>"
    )
    done = browse(outer, "--allow-file-access-from-files", "--dump-dom", "--virtual-time-budget=10000")
    found = re.search(r"<pre>(.*)</pre>", done.stdout)
    assert found
    for width, (needed, images, broken) in zip(WIDTHS, json.loads(found[1]), strict=True):
        assert needed <= width
        assert images > 40
        assert not broken
