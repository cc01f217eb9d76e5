"""The report in headless Chromium, where there is one: no broken picture, no word on the console, no sideways scrolling."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from experiments.__main__ import main

from .pages import write_run

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
LOOK = """<script>addEventListener("load", () => {
  document.body.dataset.broken = [...document.images].filter(image => !image.complete || !image.naturalWidth).length;
  document.body.dataset.images = document.images.length;
  document.body.dataset.sideways = document.documentElement.scrollWidth > innerWidth;
})</script></body>"""

pytestmark = [pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed"), pytest.mark.slow]


def looked_at(source, path, width):
    """What a browser window so many pixels wide makes of the page: (pictures, broken ones, sideways, console lines)."""
    path.write_text(source.replace("</body>", LOOK), encoding="utf-8")
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--virtual-time-budget=5000"]
    command = [BROWSER, *options, f"--user-data-dir={path.parent / 'profile'}", f"--window-size={width},900", "--dump-dom"]
    done = subprocess.run([*command, path.as_uri()], capture_output=True, text=True, timeout=120, check=True)
    seen = dict(re.findall(r'data-(images|broken|sideways)="(\w+)"', done.stdout))
    console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return int(seen["images"]), int(seen["broken"]), seen["sideways"], console


@pytest.fixture
def source(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("latch", "flow"):
        write_run(Path("runs") / name, experiment=name, command=f"python -m experiments run {name} " + "--set x=1 " * 60)
    assert main(["report"]) == 0
    return Path("report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("width", [1280, 520])
def test_a_browser_has_nothing_to_complain_of(source, tmp_path, width):
    assert looked_at(source, tmp_path / "looked.html", width) == (2, 0, "false", [])


def test_the_look_sees_what_is_wrong(source, tmp_path):
    wrong = '<img src="nope.png"><script>console.error("bad")</script><div style="width: 5000px">x</div></body>'
    images, broken, sideways, console = looked_at(source.replace("</body>", wrong), tmp_path / "looked.html", 1280)
    assert (images, broken, sideways) == (3, 1, "true")
    assert any("bad" in line for line in console)
