"""Measure the page of `backproof explain --html` in Chromium: size, first step, frames of a drag.

    python benchmarks/page.py mazur mlp attention

Needs playwright and a Chromium (CONTRIBUTING.md). It prints a table for docs/ledger.md.
"""

from __future__ import annotations

import itertools
import shutil
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, sync_playwright

from backproof.adapters.loading import FRAMEWORKS, load
from backproof.comparisons import environment
from backproof.comparisons.ledger.explanation import explanation, problem_of
from backproof.explain_page import page as written

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
QUIETLY = ["--no-sandbox", "--disable-gpu", "--disable-background-networking",
           "--disable-component-update", "--disable-sync", "--no-first-run"]  # fmt: skip
MOVES = 120  # of the mouse, on the slider

# When the first step was drawn, and when each frame was.
WATCH = """
  window.frames_ = [];
  const frame = (now) => { window.frames_.push(now); requestAnimationFrame(frame); };
  const first = () => {
    if (globalThis.backproof?.waiting === null) window.first_ = performance.now();
    else requestAnimationFrame(first);
  };
  requestAnimationFrame(first);
  requestAnimationFrame(frame);
"""


def measured(browser: Browser, name: str, folder: Path) -> dict[str, Any]:
    """Bytes; milliseconds to the first step, of a frame in a drag (median, worst), of the work."""
    tracers: dict[str, Any] = {n: load(n) for n in FRAMEWORKS if not environment.lacking(n)}
    path = folder / f"{name}.html"
    path.write_text(written(explanation(problem_of(name), tracers, update=True)), encoding="utf-8")
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.add_init_script(WATCH)
    page.goto(path.as_uri())
    page.wait_for_timeout(1000)
    slider = page.get_by_label("weight", exact=True)
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.evaluate("window.frames_.length = 0")
    page.mouse.move(x + 0.4 * box["width"], y, steps=MOVES)
    frames = page.evaluate("window.frames_")
    page.mouse.up()
    work = page.evaluate("""(() => {
      const start = performance.now();
      for (let i = 0; i < 20; i++) { backproof.model.run(); backproof.draw(); }
      return (performance.now() - start) / 20; })()""")
    first = page.evaluate("window.first_")
    page.close()
    times = [b - a for a, b in itertools.pairwise(frames)]
    return {
        "network": name, "kB": round(path.stat().st_size / 1000), "first step, ms": round(first),
        "frames per second": round(1000 / statistics.fmean(times)),
        "slowest frame, ms": round(max(times), 1), "work of a change, ms": round(work, 2),
    }  # fmt: skip


def main(names: list[str]) -> None:
    """Print a table with a row for each network."""
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path=path, args=QUIETLY)
        rows = [measured(browser, name, Path(folder)) for name in names]
        print(f"Chromium {browser.version}")
        browser.close()
    print(f"| {' | '.join(rows[0])} |", f"|{' --- |' * len(rows[0])}", sep="\n")
    for row in rows:
        print(f"| {' | '.join(map(str, row.values()))} |")


if __name__ == "__main__":
    main(sys.argv[1:] or ["mazur"])
