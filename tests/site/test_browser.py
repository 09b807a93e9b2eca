"""Pages in a browser: they sort, filter and light curves, fit a phone, can be reached by keyboard
and read in light and dark, and fetch nothing.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html import unescape

import pytest

from tests.claims.made import claims
from tests.claims.made import leave as leave_claimed
from tests.claims.test_judge import MEAN, ahead
from tests.report.figures.test_tried import trials
from tests.report.figures.test_weights import TABLE
from tests.site.made import pages, studies, study
from tests.site.test_queries import CAPTIONS, QUERIED, Pictures, board_of
from vsebench.claims.judge import judge
from vsebench.plugin.host.loader import load_plugins
from vsebench.report.page.render import to_html
from vsebench.report.queries.data import Thumbnails
from vsebench.results.folder.store import Store
from vsebench.results.reader import POSITIONS
from vsebench.site.queries import AtHand
from vsebench.site.render import Claims, pages_of
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
  found.inner = innerWidth;
  parent.postMessage(JSON.stringify(found), "*");
});
"""
FRAME = '<iframe src="{page}" style="width:{width}px;height:800px"></iframe>'
LISTEN = """<!doctype html><pre id="found"></pre><script>
const all = [];
addEventListener("message", (event) => {
  all.push(JSON.parse(event.data));
  document.getElementById("found").textContent = JSON.stringify(all);
});
</script>"""


def opened(shown, folder, *more):
    """What pages tell of themselves in frames of some widths, of which Chromium has no window as
    narrow as a phone's, and what the browser said on its console.
    """
    frames = folder / "frames.html"
    lines = [FRAME.format(page=page.as_uri(), width=width) for page, width in shown]
    frames.write_text("\n".join([LISTEN, *lines]))
    options = ("--headless=new", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr")
    ran = subprocess.run(
        [
            *(BROWSER, *options, f"--user-data-dir={folder / 'home'}", "--window-size=1400,900"),
            *(*more, "--virtual-time-budget=9000", "--dump-dom", frames.as_uri()),
        ],
        capture_output=True,
        text=True,
        timeout=100,
    )
    found = re.search(r'<pre id="found">(.*?)</pre>', ran.stdout, re.DOTALL)[1]
    console = [line for line in ran.stderr.splitlines() if "CONSOLE" in line]
    return json.loads(unescape(found)), console


def put_in(page, script):
    """Lets a page run a script before its own."""
    text = page.read_text()
    page.write_text(text.replace("</title>", f"</title>\n<script>{script}</script>", 1))


@pytest.mark.slow
@pytest.mark.skipif(BROWSER is None, reason="needs Chromium: apt-get install chromium")
@pytest.mark.parametrize("width", [360, 1280])
def test_a_study_in_a_browser(tmp_path, width):
    rows = {f"p{i}": 300.0 - 10 * i for i in range(7)} | {"max": 299.9}
    write_site(tmp_path / "site", pages(study(tmp_path / "runs", rows)))
    page = tmp_path / "site" / "studies" / "runs.html"
    put_in(page, TRIED)
    (found,), console = opened([(page, width)], tmp_path)
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
    assert (found["inner"], found["wide"]) == (width, 0)


SEEN = """
const said = [];
addEventListener("error", (event) => said.push(event.message));
addEventListener("load", () => {
  document.querySelectorAll("details").forEach((each) => each.open = true);
  const numbers = (text) => text.match(/[0-9.]+/g).map(Number);
  const light = (rgb) => rgb.slice(0, 3).map((c) => c / 255)
    .map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (each) => {
    for (let at = each; at !== null; at = at.parentElement) {
      const paper = getComputedStyle(at).backgroundColor;
      if (paper.startsWith("rgb(")) return light(numbers(paper));
    }
    return 1;
  };
  const pale = [];
  for (const each of document.querySelectorAll("body *")) {
    const own = [...each.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!own || each.closest("svg, script, style, [hidden], caption, .skip")) continue;
    const ink = light(numbers(getComputedStyle(each).color)), paper = ground(each);
    const low = Math.min(ink, paper), high = Math.max(ink, paper);
    if ((high + 0.05) / (low + 0.05) < 4.5) pale.push(each.outerHTML.slice(0, 80));
  }
  const every = (holds) =>
    [...document.querySelectorAll("body *")].filter(holds)
      .map((each) => each.outerHTML.slice(0, 80));
  const rolls = (each) => ["auto", "scroll"].includes(getComputedStyle(each).overflowX);
  parent.postMessage(JSON.stringify({
    said, pale,
    beyond: every((each) => each.getBoundingClientRect().right > innerWidth + 1 &&
      !each.closest(".scroll, .panel, caption, .skip")),
    unreached: every((each) => each.scrollWidth > each.clientWidth + 1 && rolls(each) &&
      each.tabIndex < 0),
    page: location.pathname.split("/").pop(),
    inner: innerWidth,
    wide: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    dark: matchMedia("(prefers-color-scheme: dark)").matches,
    fetched: performance.getEntriesByType("resource").map((entry) => entry.name)
      .filter((name) => /^https?:/.test(name)),
  }), "*");
});
"""


@pytest.fixture(scope="module")
def everything(tmp_path_factory):
    """A page of each kind that shows everything that it can."""
    root = tmp_path_factory.mktemp("everything")
    board_of(out := root / "runs")
    for run in Store(out).runs():
        run.write_shown(POSITIONS, {"image": TABLE, "text": TABLE})
    trials(out, {"gpo": (200.0, 260.0), "mean": (180.0, 150.0)})
    held = claims(root)
    leave_claimed(held, root / "claimed", "mean,triplet", MEAN)
    leave_claimed(held, root / "claimed", "gpo,triplet", ahead(9))
    found, registry = studies(out, root / "claimed"), load_plugins().registry
    judged = judge(held, found[1].gathered.ended, registry)
    written = [Claims(held, judged, "claims")]
    shown = {QUERIED: AtHand(CAPTIONS, Thumbnails([Pictures(3)]))}
    made = pages_of("Studies", found, written, registry, shown)
    write_site(root / "site", made)
    blocks = [board.block for study in found for board in study.boards]
    report = to_html(blocks, registry=registry, claims=[written[0].shown])
    (root / "site" / "report.html").write_text(report)
    names = ("index", "studies/runs", "methods/pooling-gpo", "claims/claims", "report")
    shown = [root / "site" / f"{name}.html" for name in names]
    for page in shown:
        put_in(page, SEEN)
    return shown


@pytest.mark.slow
@pytest.mark.skipif(BROWSER is None, reason="needs Chromium: apt-get install chromium")
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_pages_fit_and_can_be_read_and_reached(everything, dark):
    shown = [(page, width) for page in everything for width in (360, 768, 1280)]
    more = ["--blink-settings=preferredColorScheme=0"] if dark else []
    found, console = opened(shown, everything[0].parent, *more)
    assert sorted((each.pop("page"), each.pop("inner")) for each in found) == sorted(
        (page.name, width) for page, width in shown
    )
    right = {"wide": 0, "dark": dark}
    wrong = ("said", "pale", "beyond", "unreached", "fetched")
    assert found == [right | {key: [] for key in wrong}] * len(shown)
    assert console == []
