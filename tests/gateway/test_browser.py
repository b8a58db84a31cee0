"""The page at / in a real browser, before a real gateway, Prefect and store: from a file to a corrected result.

Needs Chromium and its driver on PATH; run with `pytest -m browser`. The accessibility checks take the path of
axe-core's axe.min.js in ECG_AXE.
"""

import base64
import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select, WebDriverWait

from ecg_audio.speech import engine, known_voices
from gateway import front
from tests.captions.page.conftest import DESKTOP, PHONE, driver  # noqa: F401 - a fixture
from tests.gateway.conftest import JOBS, serving, uploaded
from tests.support.callbacks.receiver import receiving
from tests.support.gateway import ANYWHERE, PROCESS, OneName
from tests.support.prefect_worker import deployed, do_all, working
from tests.support.stub_engine import StubEngine

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

PATIENCE_S = 60.0
DROP = """
const bytes = Uint8Array.from(atob(arguments[0]), (c) => c.charCodeAt(0));
const transfer = new DataTransfer();
transfer.items.add(new File([bytes], arguments[1], { type: arguments[2] }));
document.getElementById("drop").dispatchEvent(
  new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true }));
"""


class Studio:
    """The page in the browser, and what stands behind it."""

    def __init__(self, browser: webdriver.Chrome, address: str, prefect: str, name: str, store: Path) -> None:
        self.browser = browser
        self.address = address
        self.prefect = prefect
        self.name = name
        self.store = store

    def open(self, at: str = "", *, size: tuple[int, int] = DESKTOP, dark: bool = False, wait: bool = True) -> None:
        """Open the page anew."""
        metrics = {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": size[0] < 600}
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
        self.browser.get("about:blank")
        self.browser.get_log("browser")  # type: ignore[no-untyped-call]
        self.browser.get(f"{self.address}/{at}")
        if wait:
            self.wait("document.documentElement.dataset.ready === 'yes'")

    def ask(self, script: str, *arguments: Any) -> Any:
        """What a piece of script returns."""
        return self.browser.execute_script(f"return ({script})", *arguments)

    def wait(self, script: str, *arguments: Any, at_most_s: float = PATIENCE_S) -> None:
        """Wait until a condition holds in the page."""
        WebDriverWait(self.browser, at_most_s, 0.1).until(lambda _: self.ask(script, *arguments), script)

    def find(self, selector: str) -> Any:
        """An element."""
        return self.browser.find_element(By.CSS_SELECTOR, selector)

    def press(self, *keys: str) -> None:
        """Keys, wherever the focus is."""
        for key in keys:
            # not to the element: a file picker takes what is sent to it for a path
            held, rest = (key[0], key[1:]) if key[0] == Keys.CONTROL else ("", key)
            actions = ActionChains(self.browser)
            if held:
                actions.key_down(held).send_keys(rest).key_up(held)
            else:
                actions.send_keys(rest)
            actions.perform()

    def drop(self, path: Path, filename: str, media_type: str = "video/mp4") -> None:
        """Let a file fall onto the page."""
        self.browser.execute_script(DROP, base64.b64encode(path.read_bytes()).decode(), filename, media_type)

    def complaints(self) -> list[str]:
        """What the console holds since the page was opened: errors and blocked contents."""
        return [entry["message"] for entry in self.browser.get_log("browser") if entry["level"] == "SEVERE"]  # type: ignore[no-untyped-call]

    def axe(self) -> list[str]:
        """What axe-core finds serious or worse in the page, its frames left out."""
        source = os.environ.get("ECG_AXE")
        if not source:
            pytest.skip("ECG_AXE does not name axe-core's axe.min.js (npm pack axe-core)")
        self.browser.execute_script(Path(source).read_text())
        found = self.browser.execute_async_script("axe.run(document, {iframes: false}).then(arguments[0])")
        grave = [one for one in found["violations"] if one["impact"] in ("serious", "critical")]
        return [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in grave]

    def done(self, job_id: str, video: Path) -> str:
        """Hand a recording in without the page, and have it done; where its result is opened."""
        with httpx.Client(base_url=self.address, timeout=60.0) as client:
            asked = {"job_id": job_id, "video_url": uploaded(client, video), "language": "en"}
            assert client.post(PROCESS, json=asked).status_code == 200
        do_all(self.prefect, self.name)
        return f"#job={job_id}"


Make = Callable[..., Studio]


@pytest.fixture
def studio(
    driver: webdriver.Chrome,  # noqa: F811
    prefect_server: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Make]:
    """A gateway with an empty store, whose jobs are done by `working` or `do_all`."""
    from contextlib import ExitStack

    stub = StubEngine(tmp_path / "calls.txt")
    monkeypatch.setattr(engine, "shared", lambda _models: stub)
    name = f"studio-{uuid.uuid4().hex[:8]}"
    with ExitStack() as stack:

        def make(**variables: str) -> Studio:
            given = {"PREFECT_API_URL": prefect_server, "ECG_STORE": str(tmp_path / "store"), **deployed(name)}
            address = stack.enter_context(serving(OneName.read(ANYWHERE | given | variables)))
            driver.get(address)
            driver.execute_script("localStorage.clear(); localStorage.setItem('ecg-studio-tongue', 'en')")
            return Studio(driver, address, prefect_server, name, tmp_path / "store")

        yield make
        driver.get("about:blank")  # else the page asks a gateway that is gone


def test_from_a_file_to_a_corrected_result(studio: Make, talk: Path) -> None:
    """Dropped, sent, worked on, opened; a speaker named, a word corrected and measured; captions have both."""
    page = studio()
    page.open()
    page.wait("document.getElementById('no-jobs').textContent === 'Nothing has been handed in yet.'")
    page.drop(talk, "Two Cities.mp4")
    page.wait("document.querySelector('.row-job .how')?.textContent === 'waiting'")
    assert page.find(".row-job .name").text == "Two_Cities.mp4"
    with working(page.prefect, page.name):
        page.wait("document.querySelector('.row-job .how')?.textContent === 'done'")
        page.find(".row-job .name").click()
        page.wait("document.querySelectorAll('.w').length === 4")
        assert "4 words" in page.find("#result-facts").text
        page.wait(
            "document.querySelector('video')?.readyState >= 1 || document.querySelector('audio')?.readyState >= 1"
        )

        name = page.find("[data-speaker=SPEAKER_00]")
        name.clear()
        name.send_keys("Sheila", Keys.TAB)
        page.find(".line .w[data-index='1']").click()
        page.press(Keys.CONTROL + "a", "where", Keys.ENTER)
        assert page.find("#changes").text == "2 corrections are not saved yet."
        page.find("#save").click()
        page.wait("document.getElementById('said').textContent.startsWith('Saved')")
    word = page.find(".line .w[data-index='1']")
    assert (word.text, "by-person" in word.get_attribute("class")) == ("where", True)
    assert Select(page.find(".line select")).first_selected_option.text == "Sheila"
    figures = page.find("#word-facts").text
    assert page.find("#word-title").text == "where" and "dBFS" in figures and "a person" in figures
    assert "revision 1" in page.find("#result-facts").text
    for output in ("srt", "ass"):
        link = page.find(f"[data-output={output}]").get_attribute("href")
        assert "where" in httpx.get(link).text
    assert page.complaints() == []


def test_a_voice_is_remembered_and_forgotten(studio: Make, talk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A check mark beside a new name; the next recording has it, and may ask "maybe"; the list forgets it again."""
    for limit in ("LEAST_S", "HEARD_S"):
        monkeypatch.setattr(known_voices, limit, 0.5)
    page = studio()
    at = page.done("first", talk)
    page.open(at, size=PHONE)
    page.wait("document.querySelectorAll('.w').length === 4")
    assert not page.ask("document.querySelector('[data-remember]')")
    name = page.find("[data-speaker=SPEAKER_00]")
    name.clear()
    name.send_keys("Sheila <b>", Keys.TAB)
    page.find("[data-remember=SPEAKER_00]").click()
    assert "agrees" in page.find("#consent").text and page.axe() == []
    page.find("#save").click()
    with working(page.prefect, page.name):
        page.wait("document.getElementById('said').textContent.startsWith('Remembered: Sheila <b>')")
    monkeypatch.setattr(known_voices, "SURE", 1.1)
    at = page.done("second", talk)
    page.open(at)
    page.wait("document.querySelector('#people button')?.textContent.startsWith('Maybe Sheila <b>?')")
    page.find("#people button").click()
    assert page.find("[data-speaker=SPEAKER_00]").get_attribute("value") == "Sheila <b>"
    page.browser.execute_script("document.getElementById('undo').click()")
    page.open()
    page.wait("document.querySelector('#known-voices .name')?.textContent === 'Sheila <b>'")
    assert page.axe() == []
    page.find("#known-voices button").click()
    page.wait("document.getElementById('voices').hidden && document.activeElement.id === 'jobs-title'")
    assert page.complaints() == []


def test_a_keyboard_suffices(studio: Make, talk: Path) -> None:
    """The same by Tab, Enter, arrows and letters alone; the focus is never lost."""
    page = studio()
    at = page.done("by-keys", talk)
    page.open()
    page.wait("document.querySelector('.row-job .name')")
    _tab_to(page, "document.activeElement.id === 'files'")
    _tab_to(page, "document.activeElement.matches('.row-job .name')")
    page.press(Keys.ENTER)
    page.wait("document.querySelectorAll('.w').length === 4")
    assert page.ask("location.hash") == at and page.ask("document.activeElement.id") == "result-title"
    _tab_to(page, "document.activeElement.dataset.speaker === 'SPEAKER_01'")
    page.press(Keys.CONTROL + "a", "Diane", Keys.TAB)
    _tab_to(page, "document.activeElement.matches('.w')")
    page.press(Keys.ARROW_RIGHT)
    assert page.ask("document.activeElement.textContent") == "there"
    page.press(Keys.ENTER, "where", Keys.TAB)
    assert page.ask("document.activeElement.value") == "good", "Tab goes on to the next word, over the line's end"
    page.press("very good", Keys.ENTER)
    assert page.ask("document.activeElement.textContent") == "very good"
    page.press(Keys.CONTROL + "z")
    assert page.find("#changes").text == "2 corrections are not saved yet."
    page.press(Keys.DELETE)
    assert page.ask("document.activeElement.getAttribute('aria-label')") == "good, deleted"
    page.press(Keys.CONTROL + "z")
    _tab_to(page, "document.activeElement.id === 'save'")
    with working(page.prefect, page.name):
        page.press(Keys.ENTER)
        page.wait("document.getElementById('said').textContent.startsWith('Saved')")
    assert page.ask("[...document.querySelectorAll('.w')].map(w => w.textContent)") == ["hello", "where", "good", "bye"]
    assert page.ask("document.querySelectorAll('.line select')[1].value") == "Diane"


def test_a_line_is_given_to_somebody_new(studio: Make, talk: Path) -> None:
    """By a name that is asked for; a name that another speaker goes by makes two people one, after a question."""
    page = studio()
    at = page.done("people", talk)
    page.open(at, size=PHONE)
    page.wait("document.querySelectorAll('.w').length === 4")
    for given, shown in (("", "Speaker 2"), ("Zoe", "Zoe")):
        Select(page.find("[data-segment='1'] select")).select_by_visible_text("somebody else…")
        page.wait("document.activeElement.id === 'new-name'")
        assert page.axe() == []
        page.press(given + Keys.ENTER)
        page.wait("!document.getElementById('name-dialog').open")
        assert Select(page.find("[data-segment='1'] select")).first_selected_option.text == shown
        assert page.ask("document.activeElement.matches('[data-segment=\"1\"] select')")
    assert "Zoe" in [one.text for one in Select(page.find("[data-segment='0'] select")).options]
    for answer, shown in (("no", "Speaker 1"), ("yes", "Zoe")):
        name = page.find("[data-speaker=SPEAKER_00]")
        page.browser.execute_script("arguments[0].select()", name)
        name.send_keys("Zoe", Keys.TAB)
        page.wait("document.getElementById('ask').open")
        assert page.find("#ask-text").text.startswith("Zoe is another speaker already. Are Speaker 1 and Zoe")
        page.find(f"#ask button[value={answer}]").click()
        page.wait("!document.getElementById('ask').open")
        assert page.find("[data-speaker=SPEAKER_00]").get_attribute("value") == shown
    page.find("#undo").click()
    name = page.find("[data-speaker=SPEAKER_00]")
    page.browser.execute_script("arguments[0].select()", name)
    name.send_keys("Speaker 2", Keys.TAB)
    page.find("#ask-yes").click()
    page.find("#save").click()
    with working(page.prefect, page.name):
        page.wait("document.getElementById('said').textContent.startsWith('Saved')")
    assert page.ask("[...document.querySelectorAll('.line select')].map(one => one.value)") == ["SPEAKER_01", "Zoe"]
    assert page.complaints() == []


def test_what_lies_elsewhere_is_corrected_when_it_has_been_removed(
    studio: Make, talk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a question, without hearing it; what was not found in the sound is marked; a backend is told."""
    monkeypatch.setenv("ECG_ALLOWED_NETWORKS", "127.0.0.0/8")
    page = studio()
    with receiving("elsewhere") as backend, httpx.Client(base_url=page.address, timeout=60.0) as client:
        asked = {"job_id": "elsewhere", "video_url": str(talk), "fastapi_base_url": backend.base_url}
        assert client.post(PROCESS, json=asked).status_code == 200
        do_all(page.prefect, page.name)
        recording = client.get(f"{JOBS}/elsewhere/result").json()["recording"]["key"]
        (page.store / recording).unlink()
        page.open("#job=elsewhere")
        page.wait("document.querySelectorAll('.w').length === 4")
        assert page.find("#burn").is_displayed(), "the video is where it was"
        page.find(".line .w[data-index='1']").click()
        page.press(Keys.CONTROL + "a", "where", Keys.ENTER)
        page.find("#tell").click()
        assert page.axe() == []
        page.find("#save").click()
        with working(page.prefect, page.name):
            page.wait("document.getElementById('ask').open")
            assert "removed" in page.find("#ask-text").text and page.find("#ask-yes").text == "Correct without hearing"
            page.find("#ask-yes").click()
            page.wait("document.getElementById('said').textContent.startsWith('Saved')")
        assert page.find("#said").text.endswith("1 corrected word was not found in the sound: its time is guessed.")
        word = page.find(".line .w[data-index='1']")
        assert (word.text, word.get_attribute("aria-label")) == ("where", "where, not found in the sound")
        assert "unheard" in word.get_attribute("class") and page.axe() == []
        assert backend.seen[-1][1]["result"]["metadata"]["revision"] == 1


def test_every_format_is_in_a_menu(studio: Make, talk: Path) -> None:
    """It opens by key, on a phone too, and each of its links gives a file."""
    page = studio()
    at = page.done("formats", talk)
    page.open(at, size=PHONE)
    page.wait("document.querySelectorAll('.w').length === 4")
    assert not page.find("#exports a").is_displayed()
    page.browser.execute_script("document.querySelector('.exports summary').focus()")
    page.press(Keys.ENTER)
    page.wait("document.querySelector('.exports').open")
    assert page.axe() == [] and page.ask("document.documentElement.scrollWidth") <= PHONE[0]
    links = page.browser.find_elements(By.CSS_SELECTOR, "#exports a")
    assert [one.text for one in links][-1] == "Everything in one archive (ZIP)" and len(links) == 9
    for one in links:
        assert httpx.get(one.get_attribute("href")).status_code == 200, one.text


def test_a_file_more_is_a_language_more(
    studio: Make, talk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page offers it under its own name, and says in English what the file does not have."""
    folder = tmp_path / "studio-of-the-gateway"
    shutil.copytree(front.FOLDER, folder)
    (folder / "de.json").write_text('{"jobs": "Aufnahmen"}')
    monkeypatch.setattr(front, "FOLDER", folder)
    front._parts.cache_clear()
    page = studio()
    page.open()
    tongue = Select(page.find("#tongue"))
    assert [one.text for one in tongue.options] == ["Deutsch", "English", "한국어"]
    tongue.select_by_value("de")
    page.wait("document.getElementById('jobs-title').textContent === 'Aufnahmen'")
    assert page.find("#home-title").text == "Who said what, when, and how"
    page.open()
    page.wait("document.documentElement.lang === 'de'")
    front._parts.cache_clear()


def _tab_to(page: Studio, condition: str) -> None:
    for _ in range(80):
        if page.ask(condition):
            return
        page.press(Keys.TAB)
    raise AssertionError(f"no Tab leads to where {condition}")


@pytest.mark.parametrize(("size", "dark"), [(DESKTOP, False), (DESKTOP, True), (PHONE, False), (PHONE, True)])
def test_axe_finds_nothing_serious(studio: Make, talk: Path, size: tuple[int, int], dark: bool) -> None:
    """On every view: home with a failure, a result, a word being written, the report, a question, the key."""
    page = studio()
    at = page.done(f"seen-{page.name}", talk)
    page.done(f"unseen-{page.name}", _no_media(talk))
    page.open(size=size, dark=dark)
    page.wait("document.querySelectorAll('.row-job').length === 2")
    assert page.axe() == []
    page.open(at, size=size, dark=dark)
    page.wait("document.querySelectorAll('.w').length === 4")
    page.browser.execute_script("document.querySelector('.line').scrollIntoView({block: 'center'})")
    page.find(".line .w[data-index='0']").click()
    page.press("x")
    assert page.axe() == []
    page.press(Keys.ENTER)
    assert page.axe() == []
    page.find("#tab-report").click()
    assert page.axe() == []
    page.find("#forget").click()
    assert page.axe() == []


def _no_media(beside: Path) -> Path:
    path = beside.with_name("notes.mp4")
    path.write_text("these are no pictures")
    return path


def test_a_phone_shows_all_of_it(studio: Make, talk: Path) -> None:
    """390 pixels: nothing is wider than the page, on either view."""
    page = studio()
    at = page.done("narrow-" + "x" * 60, talk)
    for view in ("", at):
        page.open(view, size=PHONE)
        page.wait("document.querySelector('.row-job, .w')")
        assert page.ask("document.documentElement.scrollWidth") <= PHONE[0]
        wide = page.ask(
            "[...document.querySelectorAll('main *')].filter(e => e.getBoundingClientRect().right > innerWidth + 1"
            " && getComputedStyle(e).position !== 'absolute').map(e => e.outerHTML.slice(0, 80))"
        )
        assert wide == []


def test_failures_are_said_in_words_and_in_korean(studio: Make, talk: Path) -> None:
    """The list says what is wrong and what to do, in the page's language."""
    page = studio()
    page.done("broken", _no_media(talk))
    page.open()
    page.wait("document.querySelector('.row-job .how')")
    said = page.find(".row-job").text
    assert "failed" in said and "Give an audio or video file" in said
    Select(page.find("#tongue")).select_by_value("ko")
    page.wait("document.documentElement.lang === 'ko'")
    page.wait("document.querySelector('.row-job .how')?.textContent === '실패'")
    assert "소리나 동영상 파일이 아닙니다" in page.find(".row-job").text and page.find("h1").text.startswith("누가")


def test_a_lost_connection_is_said_and_survived(studio: Make) -> None:
    """In words, in either language; as soon as there is one again, the page goes on."""
    page = studio()
    page.open()
    page.wait("!document.getElementById('no-jobs').hidden")
    page.browser.execute_cdp_cmd("Network.enable", {})
    conditions = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
    for tongue, said in (("en", "There is no connection"), ("ko", "연결되지 않습니다")):
        Select(page.find("#tongue")).select_by_value(tongue)
        page.wait(f"document.documentElement.lang === '{tongue}'")
        page.browser.execute_cdp_cmd("Network.emulateNetworkConditions", conditions | {"offline": True})
        page.find("#search").send_keys("a")
        page.wait("document.getElementById('said').textContent.startsWith(arguments[0])", said)
        page.browser.execute_cdp_cmd("Network.emulateNetworkConditions", conditions | {"offline": False})
    page.find("#search").send_keys("b")
    page.wait("document.getElementById('no-jobs').textContent === '찾는 녹화가 없습니다.'")


def test_the_key_is_asked_for_once(studio: Make, talk: Path) -> None:
    """A wrong one is asked for again; the right one is kept, also by the next page."""
    page = studio(ECG_GATEWAY_API_KEY="opens")
    page.open(wait=False)
    page.wait("document.getElementById('key-dialog').open")
    page.find("#key").send_keys("wrong", Keys.ENTER)
    page.wait("document.getElementById('key-dialog').open && document.getElementById('key').value === ''")
    page.find("#key").send_keys("opens", Keys.ENTER)
    page.wait("document.documentElement.dataset.ready === 'yes' && !document.getElementById('no-jobs').hidden")
    page.open()
    page.wait("!document.getElementById('no-jobs').hidden")
    assert not page.ask("document.getElementById('key-dialog').open")


def test_a_report_reaches_nothing_of_the_page(studio: Make, talk: Path) -> None:
    """Its scripts run, as a page of nowhere: no storage, no parent, no endpoint; its recording plays by its link."""
    page = studio(ECG_GATEWAY_API_KEY="opens")
    page.open(wait=False)
    page.browser.execute_script("localStorage.setItem('ecg-studio-key', 'opens')")
    with httpx.Client(base_url=page.address, headers={"X-API-Key": "opens"}, timeout=60.0) as client:
        client.post(PROCESS, json={"job_id": "framed", "video_url": uploaded(client, talk)})
        do_all(page.prefect, page.name)
        report = client.post(f"{JOBS}/framed/links").json()["report"]
    page.open("#job=framed")
    page.wait("document.querySelectorAll('.w').length === 4")
    page.find("#tab-report").click()
    frame = page.find("#report iframe")
    page.browser.switch_to.frame(frame)
    page.wait("document.documentElement.dataset.ready === 'yes'")
    assert page.ask("origin") == "null"
    for way in ("localStorage.length", "parent.document.title", "document.cookie"):
        with pytest.raises(Exception, match=r"SecurityError|sandboxed|cross-origin"):
            page.ask(way)
    asked = "fetch(arguments[0]).then(() => arguments[1]('answered'), (error) => arguments[1](String(error)))"
    for way in ("/api/upload-video/jobs", "/", report):
        answered = page.browser.execute_async_script(asked, page.address + way)
        assert "Failed to fetch" in answered, way
    page.wait("!document.getElementById('play').disabled")
    page.browser.switch_to.default_content()
    page.open(report[1:], wait=False)
    page.wait("document.documentElement.dataset.ready === 'yes'")
    assert page.ask("origin") == "null", "opened by itself it is a page of nowhere, too"


def test_whoever_comes_second_keeps_what_he_wrote(studio: Make, talk: Path) -> None:
    """Somebody else saved meanwhile: theirs is shown, ours is put into it and saved on top."""
    page = studio()
    at = page.done("shared", talk)
    page.open(at)
    page.wait("document.querySelectorAll('.w').length === 4")
    page.find("[data-segment='1'] .w[data-index='1']").click()
    page.press("buy", Keys.ENTER)
    with httpx.Client(base_url=page.address, timeout=60.0) as client:
        base = client.get(f"{JOBS}/shared").json()["run_id"]
        theirs = {"base": base, "speakers": {"SPEAKER_00": "Sheila"}}
        assert client.post(f"{JOBS}/shared/revisions", json=theirs).status_code == 202
        do_all(page.prefect, page.name)
    with working(page.prefect, page.name):
        page.find("#save").click()
        page.wait("document.getElementById('said').textContent.includes('revision 1')")
        assert page.find("#changes").text == "1 correction is not saved yet."
        page.find("#save").click()
        page.wait("document.getElementById('said').textContent.startsWith('Saved')")
    assert page.ask("[...document.querySelectorAll('.w')].map(w => w.textContent)") == ["hello", "there", "good", "buy"]
    assert page.ask("document.querySelector('.line select').value") == "Sheila"


def test_hostile_text_is_text(studio: Make, talk: Path) -> None:
    """Names, titles and words with markup in them are shown, and run nothing."""
    page = studio()
    at = page.done("hostile", talk)
    evil = "<img src=x onerror=document.title='owned'>"
    with httpx.Client(base_url=page.address, timeout=60.0) as client:
        base = client.get(f"{JOBS}/hostile").json()["run_id"]
        asked = {"base": base, "speakers": {"SPEAKER_00": evil}, "segments": {"1": {"text": f"good {evil}"}}}
        assert client.post(f"{JOBS}/hostile/revisions", json=asked).status_code == 202
        do_all(page.prefect, page.name)
    page.open(at)
    page.wait("document.querySelectorAll('.w').length > 4")
    assert page.ask("document.querySelector('.line select').selectedOptions[0].textContent") == evil
    assert page.ask("document.querySelectorAll('main img').length") == 0 and "owned" not in page.browser.title
    assert page.complaints() == []


def test_a_moment_is_a_link(studio: Make, talk: Path) -> None:
    """Opened, the recording stands there."""
    page = studio()
    page.open(page.done("moment", talk) + "&t=1.5")
    page.wait("document.querySelector('#picture').firstElementChild?.currentTime === 1.5")


def test_what_is_deleted_is_gone(studio: Make, talk: Path) -> None:
    """Asked once more, then the store is empty and the list is."""
    page = studio()
    page.open(page.done("gone", talk))
    page.wait("document.querySelectorAll('.w').length === 4")
    page.find("#forget").click()
    page.find("#ask-yes").click()
    page.wait("document.getElementById('no-jobs').offsetParent !== null")
    assert [path for path in page.store.rglob("*") if path.is_file()] == []
