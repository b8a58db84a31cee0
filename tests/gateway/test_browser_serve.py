"""The whole way in a real browser, before a real `ecg serve` on an empty folder: its models hear the demo's video.

Needs Chromium and its driver on PATH, and the embedded models; run with `pytest -m browser`.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from selenium import webdriver
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

from deployments.cli import demo
from tests.blocks.test_known_voices import found_in, shapes
from tests.captions.page.conftest import driver  # noqa: F401 - a fixture
from tests.gateway.test_browser import Studio
from tests.support.ports import free_ports

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(900)]

UP_S, ANALYSED_S, REVISED_S = 300.0, 300.0, 120.0


@contextmanager
def served(folder: Path) -> Iterator[tuple[str, str]]:
    """Run `ecg serve` with empty folders until the block ends; the addresses of its page and of its Prefect."""
    port, prefect = (str(one) for one in free_ports(2))
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "ECG_STORE"))}
    given = ["--port", port, "--prefect-port", prefect, "--models", "embedded", "--limit", "1", "--plain"]
    command = [sys.executable, "-m", "deployments.cli", "serve", *given, "--data", str(folder / "data")]
    printed = folder / "printed.txt"
    with printed.open("wb") as out:
        process = subprocess.Popen(
            command, cwd=folder, env=clean | {"ECG_STORE": str(folder / "store")}, stdout=out, stderr=out
        )
    try:
        deadline = time.monotonic() + UP_S
        while "up in" not in printed.read_text():
            assert process.poll() is None and time.monotonic() < deadline, printed.read_text()
            time.sleep(0.2)
        yield f"http://127.0.0.1:{port}", f"http://127.0.0.1:{prefect}/api"
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def test_the_demo_from_an_empty_folder_to_corrected_captions(
    driver: webdriver.Chrome,  # noqa: F811
    tmp_path: Path,
) -> None:
    """Dropped, seen at work stage by stage, opened; a speaker named, a word corrected, which is measured and styled.

    The speaker's voice is remembered by the real encoder, and forgotten to the last byte.
    """
    demo.write(tmp_path / "two_on_the_telephone.mp4")
    with served(tmp_path) as (address, prefect):
        page = Studio(driver, address, prefect, "", tmp_path / "store")
        page.browser.get(address)
        page.browser.execute_script("localStorage.clear(); localStorage.setItem('ecg-studio-tongue', 'en')")
        page.open()
        page.wait("document.getElementById('no-jobs').textContent === 'Nothing has been handed in yet.'")
        page.drop(tmp_path / "two_on_the_telephone.mp4", "two_on_the_telephone.mp4")
        stages = watched(page)
        assert len(stages) >= 2, f"stages that were seen: {stages}"
        page.find(".row-job .name").click()
        page.wait("document.querySelectorAll('.w').length > 40")
        name = page.find("[data-speaker=SPEAKER_00]")
        name.clear()
        name.send_keys("Sheila", Keys.TAB)
        [place] = page.ask(
            "[...document.querySelectorAll('.w')].filter((w) => w.textContent === 'deep.')"
            ".map((w) => [w.closest('[data-segment]').dataset.segment, w.dataset.index])"
        )
        word = f"[data-segment='{place[0]}'] .w[data-index='{place[1]}']"
        page.find(word).click()
        page.press(Keys.CONTROL + "a", "it.", Keys.ENTER)
        page.find("[data-remember=SPEAKER_00]").click()
        page.find("#save").click()
        page.wait("document.getElementById('said').textContent.startsWith('Saved')", at_most_s=REVISED_S)
        page.find(word).click()
        figures = {
            name: page.find(f"#word-facts [data-figure={name}] dd").text for name in ("time", "level", "written_by")
        }
        assert page.find("#word-title").text == "it." and figures["written_by"] == "a person"
        assert re.fullmatch(r"-\d+\.\d dBFS", figures["level"].replace("\u2212", "-")), figures
        assert re.fullmatch(r"0:\d\d\.\d+ – 0:\d\d\.\d+", figures["time"]), figures
        assert Select(page.find(".line select")).first_selected_option.text in {"Sheila", "Speaker 2"}
        captions = {
            name: httpx.get(page.find(f"[data-output={name}]").get_attribute("href")).text for name in ("srt", "ass")
        }
        for text in captions.values():
            assert "deep" not in text and "heard of" in re.sub(r"\{[^}]*\}", "", text).replace("\\N", " ")
        assert re.search(r"\{[^}]*\\kf\d+[^}]*\}it\.", captions["ass"]), "it is lit up at its own time"
        assert re.search(r"\bit\.", captions["srt"])
        page.find("#tab-report").click()
        page.browser.switch_to.frame(page.find("#report iframe"))
        page.wait("document.documentElement.dataset.ready === 'yes'")
        assert "Sheila" in page.ask("document.body.textContent")
        assert page.ask("[...document.querySelectorAll('.said .word')].some((w) => w.textContent.trim() === 'it.')")
        page.browser.switch_to.default_content()
        [job] = httpx.get(f"{address}/api/upload-video/jobs").json()["jobs"]
        document = httpx.get(f"{address}/api/upload-video/jobs/{job['job_id']}/result").json()
        [told] = [one for segment in document["segments"] for one in segment["words"] if one["written_by"] == "person"]
        assert told["voice"]["rms_dbfs"] and told["relative"], "what styles the caption is measured"
        page.wait("document.getElementById('said').textContent.startsWith('Remembered: Sheila')", at_most_s=REVISED_S)
        [voice] = (tmp_path / "store" / "voices").iterdir()
        vector = shapes(tuple(json.loads(voice.read_text())["vector"]))
        assert found_in(tmp_path, vector) == [str(voice)], "it lies in its file, and nowhere else of store and service"
        page.open()
        page.wait("document.querySelector('#known-voices .name')?.textContent === 'Sheila'")
        page.find("#known-voices button").click()
        page.wait("document.getElementById('voices').hidden")
        assert found_in(tmp_path, vector) == []
        assert page.complaints() == []


def watched(page: Studio) -> list[str]:
    """The stages that the job's line has shown until it was done."""
    seen: list[str] = []
    deadline = time.monotonic() + ANALYSED_S
    while True:
        how = page.ask("document.querySelector('.row-job .how')?.textContent")
        stage = page.ask("document.querySelector('.row-job .stage')?.textContent")
        if stage and (name := stage.partition(" · ")[0]) not in seen:
            seen.append(name)
        if how == "done":
            return seen
        assert how != "failed" and time.monotonic() < deadline, page.find(".row-job").text
        time.sleep(0.1)
