"""The site in a browser: it sorts, filters and lights curves, fits a phone, and fetches nothing."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html import unescape

import pytest

from tests.site.made import pages, study
from vsebench.site.write import write_site

BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
TRIED = """
const found = {errors: []};
addEventListener("error", (event) => found.errors.push(event.message));
addEventListener("load", () => {
  const board = document.querySelector(".leaderboard"), lines = () => [...board.tBodies[0].rows];
  const column = (key) => lines().map((row) => row.querySelectorAll("td")[
    [...board.tHead.rows[0].cells].findIndex((head) => head.dataset.key === key)].textContent);
  const press = (key) => board.querySelector(`th[data-key=${key}] button`).click();
  found.before = column("pooling");
  press("pooling"); found.sorted = column("pooling");
  press("total_seconds"); found.costliest = column("pooling");
  const field = document.querySelector(".tools input");
  const write = (text) => { field.value = text; field.dispatchEvent(new Event("input")); };
  write("max trip"); found.filtered = lines().filter((row) => !row.hidden).length;
  write(""); found.all = lines().filter((row) => !row.hidden).length;
  const gpo = board.querySelector("tr[data-row='0']");
  gpo.cells[0].dispatchEvent(new PointerEvent("pointerover", {bubbles: true}));
  found.lit = [...document.querySelectorAll(".curve.lit")].map((curve) => curve.dataset.row);
  found.tied = document.querySelectorAll("tr.tied").length;
  const key = document.querySelector(".legend li[data-row='6'] button");
  key.click(); found.pinned = document.querySelectorAll(".curve.pinned").length;
  found.grey = getComputedStyle(document.querySelector(".curve.pinned path")).stroke;
  gpo.querySelector("td[title]").click();
  found.tip = document.querySelector(".tip").textContent;
  document.querySelectorAll("details").forEach((each) => each.open = true);
  found.wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  found.fetched = performance.getEntriesByType("resource").map((entry) => entry.name)
    .filter((name) => !name.startsWith("file:"));
  const out = document.createElement("pre");
  out.id = "found"; out.textContent = JSON.stringify(found); document.body.append(out);
});
"""


def opened(path, home, width):
    """What the browser writes of a page, and what it said on its console."""
    options = ("--headless=new", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr")
    ran = subprocess.run(
        [
            *(BROWSER, *options, f"--user-data-dir={home}", f"--window-size={width},800"),
            *("--virtual-time-budget=5000", "--dump-dom", path.as_uri()),
        ],
        capture_output=True,
        text=True,
        timeout=100,
    )
    return ran.stdout, [line for line in ran.stderr.splitlines() if "CONSOLE" in line]


@pytest.mark.slow
@pytest.mark.skipif(BROWSER is None, reason="needs Chromium: apt-get install chromium")
@pytest.mark.parametrize("width", [360, 1280])
def test_a_study_in_a_browser(tmp_path, width):
    rows = {f"p{i}": 300.0 - 10 * i for i in range(7)} | {"max": 299.9}
    write_site(tmp_path / "site", pages(study(tmp_path / "runs", rows)))
    page = tmp_path / "site" / "studies" / "runs.html"
    text = page.read_text()
    page.write_text(text.replace("<link rel", f"<script>{TRIED}</script>\n<link rel", 1))
    dom, console = opened(page, tmp_path / "home", width)
    found = json.loads(unescape(re.search(r'<pre id="found">(.*?)</pre>', dom, re.DOTALL)[1]))
    ranked = sorted(rows, key=lambda row: -rows[row])
    assert found["errors"] == console == found["fetched"] == []
    assert found["before"] == ranked
    assert found["sorted"] == sorted(rows)
    assert found["costliest"] == list(rows)
    assert (found["filtered"], found["all"]) == (1, 8)
    assert set(found["lit"]) == {"0"}
    assert found["tied"] == 1
    assert found["pinned"] == 8
    assert found["grey"] != "rgb(128, 134, 140)"
    assert re.fullmatch(r"95 % interval \S+ … \S+", found["tip"])
    assert found["wide"] <= 0
