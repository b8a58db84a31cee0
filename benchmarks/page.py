"""How long the report page of an hour takes to open: in Chromium, from disk.

    python -m benchmarks.page [--runs 5]

8 200 words, four speakers, 360 000 frames. Needs Chromium and chromedriver on PATH. What counts is the first line: from
asking for the page until it is drawn, its words are there and its keys work, by the clock on the wall.
"""

import argparse
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np
from selenium import webdriver
from selenium.webdriver.support.ui import WebDriverWait

from docs.screenshots import chromium
from ecg_audio.captions import html
from tests.support.results import factory

PAINT = "performance.getEntriesByName('first-contentful-paint')"
READY = f"document.documentElement.dataset.ready === 'yes' && {PAINT}.length"
QUESTIONS = {
    "first paint, ms": f"{PAINT}[0].startTime",
    "alive, ms": "performance.timing.domContentLoadedEventEnd - performance.timing.navigationStart",
    "heap, MB": "performance.memory.usedJSHeapSize / 1e6",
}


def main() -> None:
    """Print size, first paint, when the page is alive, and its heap: the median and the worst of all runs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    analysis = factory.analysis(words=8_200, speakers=4)
    count = round(analysis.recording.duration_s * 100)
    frames = {
        "rms_dbfs": np.random.default_rng(0).uniform(-60, -10, count).astype(np.float32),
        "f0_hz": np.full(count, 150, np.float32),
    }
    document = html.page(analysis, frames, media_href=None, media_kind="audio")
    print(f"{analysis.recording.duration_s / 60:.0f} minutes, {len(document.encode()) / 1e6:.1f} MB")
    figures: dict[str, list[float]] = {name: [] for name in ("ready, ms", *QUESTIONS, "thread's own time, ms")}
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        page = Path(folder, "page.html")
        page.write_text(document, "utf-8")
        browser.execute_cdp_cmd("Performance.enable", {"timeDomain": "threadTicks"})
        for _ in range(runs):
            browser.get("about:blank")
            before_s, began_s = busy_s(browser), time.perf_counter()
            browser.get(page.as_uri())
            WebDriverWait(browser, 30, 0.01).until(lambda found: found.execute_script(f"return {READY}"))
            figures["ready, ms"].append(1000 * (time.perf_counter() - began_s))
            for name, question in QUESTIONS.items():
                figures[name].append(browser.execute_script(f"return {question}"))
            figures["thread's own time, ms"].append(1000 * (busy_s(browser) - before_s))
    for name, values in figures.items():
        print(f"{name:22} median {median(values):6.0f}   worst {max(values):6.0f}")


def busy_s(browser: webdriver.Chrome) -> float:
    """What the page's thread has computed so far: the same on a busy machine, nearly."""
    metrics = browser.execute_cdp_cmd("Performance.getMetrics", {})["metrics"]
    return float(next(metric["value"] for metric in metrics if metric["name"] == "TaskDuration"))


if __name__ == "__main__":
    main()
