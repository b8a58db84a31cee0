"""One job over HTTP: what it has published, corrections of it, captions burnt in, its end by hand."""

import re
import time
import uuid
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from ecg_audio.captions.html import media_of
from ecg_audio.claim import claimed
from gateway import links
from tests.gateway.conftest import JOBS, Open, uploaded
from tests.support.callbacks.receiver import receiving
from tests.support.gateway import PROCESS, STATUS, code, put, run_of
from tests.support.prefect_worker import do_all
from tests.support.stub_engine import StubEngine

KEY = {"X-API-Key": "the key of callers"}


def result(client: httpx.Client, job_id: str) -> dict[str, Any]:
    """The published document."""
    answer = client.get(f"{JOBS}/{job_id}/result")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def words(document: dict[str, Any]) -> list[str]:
    """All words."""
    return [word["text"] for segment in document["segments"] for word in segment["words"]]


def test_a_job_says_what_it_has(client: httpx.Client, job: str) -> None:
    """The base of corrections, whether there is a picture, the recording's name and length; the list says so, too."""
    found = client.get(f"{JOBS}/{job}").json()
    document = result(client, job)
    assert (found["state"], found["run_id"], found["has_picture"]) == ("completed", document["run_id"], True)
    assert found["title"].endswith("talk.mp4") and found["length_s"] == pytest.approx(3.0, abs=0.2)
    assert found["language"] == "en" and {"srt", "ass", "report", "tables/words"} <= set(found["outputs"])
    [listed] = client.get(JOBS, params={"search": job}).json()["jobs"]
    assert (listed["job_id"], listed["length_s"]) == (job, found["length_s"])
    assert client.get(JOBS, params={"search": "no such name"}).json()["jobs"] == []


def test_a_job_says_what_can_be_done_with_it(
    gateway: Open,
    name: str,
    deployments: dict[str, str],
    stub: StubEngine,
    prefect_server: str,
    talk: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Captions can be burnt into a video that lies elsewhere, too; a backend that was told before can be told again."""
    monkeypatch.setenv("ECG_ALLOWED_NETWORKS", "127.0.0.0/8")
    client = gateway(**deployments)
    with receiving("told") as backend:
        for job_id, told in (("untold", {}), ("told", {"fastapi_base_url": backend.base_url})):
            asked = {"job_id": job_id, "video_url": str(talk), **told}
            assert client.post(PROCESS, json=asked).status_code == 200
        do_all(prefect_server, name)
        found = [client.get(f"{JOBS}/{job_id}").json() for job_id in ("untold", "told")]
        assert [(one["has_picture"], one["can_burn"], one["tells"]) for one in found] == [
            (False, True, False),
            (False, True, True),
        ]


def test_the_recording_is_read_in_parts(client: httpx.Client, job: str, talk: Path) -> None:
    """The upload itself, by ranges, as nothing that a browser could take for a page; or its sound alone."""
    whole = client.get(f"{JOBS}/{job}/media")
    assert whole.content == talk.read_bytes() and whole.headers["Content-Type"] == "video/mp4"
    assert whole.headers["Content-Security-Policy"] == "sandbox"
    assert whole.headers["X-Content-Type-Options"] == "nosniff"
    part = client.get(f"{JOBS}/{job}/media", headers={"Range": "bytes=5-9"})
    assert (part.status_code, part.content) == (206, talk.read_bytes()[5:10])
    beyond = client.get(f"{JOBS}/{job}/media", headers={"Range": "bytes=999999999-"})
    assert beyond.status_code == 416
    assert client.get(f"{JOBS}/{job}/media", params={"sound": True}).content[:4] == b"fLaC"


def test_an_upload_that_is_called_a_page_is_none(
    client: httpx.Client, prefect_server: str, name: str, talk: Path
) -> None:
    """The name is its sender's: it decides nothing."""
    job_id = f"evil-{uuid.uuid4().hex[:8]}"
    client.post(PROCESS, json={"job_id": job_id, "video_url": uploaded(client, talk, "evil.html")})
    do_all(prefect_server, name)
    assert client.get(f"{JOBS}/{job_id}/media").headers["Content-Type"] == "application/octet-stream"


def test_the_report_is_a_page_of_nowhere(client: httpx.Client, job: str) -> None:
    """It is sandboxed by its own header, and plays the recording by a link that needs no key."""
    answer = client.get(f"{JOBS}/{job}/report")
    assert answer.headers["Content-Security-Policy"].startswith("sandbox allow-scripts allow-downloads;")
    assert "allow-same-origin" not in answer.headers["Content-Security-Policy"]
    [shown] = re.findall(r'"media":\{"href":"([^"]*)","kind":"video"\}', answer.text)
    played = client.get(shown.replace(r"\u0026", "&"))
    assert played.status_code == 200 and played.headers["Cross-Origin-Resource-Policy"] == "cross-origin"


def test_nothing_is_read_without_the_key(gateway: Open, name: str, deployments: dict[str, str]) -> None:
    """But by a link, which the key has to be shown for, which opens one thing of one job, and ends."""
    client = gateway(**deployments, ECG_GATEWAY_API_KEY=KEY["X-API-Key"])
    for method, path in [
        ("GET", ""), ("GET", "/result"), ("GET", "/media"), ("GET", "/report"), ("POST", "/links"), ("POST", "/cancel"),
        ("DELETE", ""), ("GET", "/exports/eaf"), ("POST", "/burns"), ("GET", f"/burns/{uuid.uuid4()}"),
        ("GET", f"/burns/{uuid.uuid4()}/video"), ("GET", f"/revisions/{uuid.uuid4()}"),
    ]:  # fmt: skip
        assert code(client.request(method, f"{JOBS}/a{path}")) == (401, "UNAUTHORIZED"), path
    for method, path in (("GET", ""), ("DELETE", f"/{'0' * 32}"), ("GET", f"/remembering/a/{uuid.uuid4()}")):
        assert code(client.request(method, f"/api/voices{path}")) == (401, "UNAUTHORIZED"), path
    asked = {"name": "Sheila", "job_id": "a", "speaker": "SPEAKER_00"}
    assert code(client.post("/api/voices", json=asked)) == (401, "UNAUTHORIZED")
    corrections = {"base": "a", "speakers": {"SPEAKER_00": "Sheila"}}
    assert code(client.post(f"{JOBS}/a/revisions", json=corrections)) == (401, "UNAUTHORIZED")
    assert client.get("/").status_code == 200, "the page asks for the key itself"


def test_a_link_opens_one_thing(
    gateway: Open,
    name: str,
    deployments: dict[str, str],
    stub: StubEngine,
    prefect_server: str,
    talk: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Another job's path, another time and another gateway's signature are refused."""
    client = gateway(**deployments, ECG_GATEWAY_API_KEY=KEY["X-API-Key"])
    client.headers.update(KEY)
    jobs = [f"talk-{uuid.uuid4().hex[:8]}" for _ in range(2)]
    for job_id in jobs:
        assert client.post(PROCESS, json={"job_id": job_id, "video_url": uploaded(client, talk)}).status_code == 200
    do_all(prefect_server, name)
    given = client.post(f"{JOBS}/{jobs[0]}/links").json()
    stranger = httpx.Client(base_url=client.base_url, timeout=30)
    with stranger:
        for link in (
            given["media"],
            given["report"],
            given["outputs"]["srt"],
            given["outputs"]["tables/words"],
            given["exports"]["eaf"],
        ):
            assert stranger.get(link).status_code == 200, link
            assert stranger.get(link.replace(jobs[0], jobs[1])).status_code == 401
            assert stranger.get(link.replace("until=1", "until=2")).status_code == 401
            assert stranger.get(link.partition("&signature")[0]).status_code == 401
        assert stranger.get(given["media"].replace("/media", "/result")).status_code == 401
        monkeypatch.setattr(links, "time", SimpleNamespace(time=lambda: time.time() + 3700))
        assert stranger.get(given["media"]).status_code == 401


def test_a_report_that_is_taken_away_asks_for_its_recording(client: httpx.Client, job: str) -> None:
    """Shown in a frame it plays the recording from here; as a file it names no place, and differs by nothing else."""
    given = client.post(f"{JOBS}/{job}/links").json()
    taken = client.get(given["outputs"]["report"])
    assert taken.headers["Content-Disposition"] == 'attachment; filename="report.html"'
    assert taken.headers["Content-Type"].startswith("text/html")
    assert media_of(taken.text) == (None, "video")
    shown = client.get(given["report"]).text
    place, _ = media_of(shown) or (None, None)
    assert place and place.startswith(f"{JOBS}/{job}/media")
    assert len(shown) - len(taken.text) == len(f'"{place}"'.replace("&", r"\u0026")) - len("null")


def test_a_correction_makes_a_new_result(client: httpx.Client, job: str, prefect_server: str, name: str) -> None:
    """It is a run that can be followed; the status, the outputs and the list know the job as before."""
    before = result(client, job)
    asked = {
        "base": before["run_id"],
        "speakers": {"SPEAKER_00": "Sheila"},
        "segments": {str(before["segments"][0]["id"]): {"text": "hello where"}},
    }
    begun = client.post(f"{JOBS}/{job}/revisions", json=asked)
    assert begun.status_code == 202, begun.text
    assert begun.json()["state"] == "queued"
    assert client.post(f"{JOBS}/{job}/revisions", json=asked).json()["id"] == begun.json()["id"], "pressed twice"
    assert client.get(f"{JOBS}/{job}").json()["revision"] == begun.json()["id"]
    assert do_all(prefect_server, name) == 1
    ended = client.get(begun.json()["url"]).json()
    assert (ended["state"], ended["progress"], ended["error_code"]) == ("completed", 100, None), ended
    after = result(client, job)
    assert words(after) == ["hello", "where", "good", "bye"] and after["segments"][0]["speaker"] == "Sheila"
    assert after["segments"][0]["words"][1]["written_by"] == "person"
    assert client.get(f"{JOBS}/{job}").json()["run_id"] == after["run_id"] != before["run_id"]
    assert client.get(STATUS + job).json()["result"]["text"] == "hello where good bye"
    assert "where" in client.get(f"/api/upload-video/outputs/{job}/srt").text

    undone = client.post(f"{JOBS}/{job}/revisions", json={"base": after["run_id"], "undo": True})
    assert undone.status_code == 202, undone.text
    do_all(prefect_server, name)
    assert words(result(client, job)) == words(before)
    again = client.post(f"{JOBS}/{job}/revisions", json={"base": result(client, job)["run_id"], "undo": True})
    assert code(again) == (422, "INVALID_REQUEST"), "there is nothing left to take back"


def test_of_two_at_once_one_is_told(client: httpx.Client, job: str, prefect_server: str, name: str) -> None:
    """409 for the second while the first works; and afterwards, with what the result is now. Nothing is lost."""
    base = result(client, job)["run_id"]
    first = {"base": base, "speakers": {"SPEAKER_00": "Sheila"}}
    second = {"base": base, "speakers": {"SPEAKER_01": "Diane"}}
    assert client.post(f"{JOBS}/{job}/revisions", json=first).status_code == 202
    assert code(client.post(f"{JOBS}/{job}/revisions", json=second)) == (409, "JOB_CONFLICT")
    do_all(prefect_server, name)
    late = client.post(f"{JOBS}/{job}/revisions", json=second)
    assert code(late) == (409, "JOB_CONFLICT")
    changed = late.json()["changed"]
    assert changed["number"] == 1 and changed["edits"]["speakers"] == {"SPEAKER_00": "Sheila"}
    assert client.post(f"{JOBS}/{job}/revisions", json={**second, "base": changed["run_id"]}).status_code == 202
    do_all(prefect_server, name)
    assert [segment["speaker"] for segment in result(client, job)["segments"]] == ["Sheila", "Diane"]


def test_a_revision_that_failed_can_be_asked_for_again(
    client: httpx.Client, job: str, prefect_server: str, name: str, tmp_path: Path
) -> None:
    """Its state says why it failed; the result is untouched, and the same corrections are taken anew."""
    from blocks.storage import open_store

    asked = {"base": result(client, job)["run_id"], "speakers": {"SPEAKER_00": "Sheila"}}
    with claimed(open_store(str(tmp_path / "store")), f"{job}.revision") as ours:
        assert ours
        begun = client.post(f"{JOBS}/{job}/revisions", json=asked).json()
        do_all(prefect_server, name)
        failed = client.get(begun["url"]).json()
    assert (failed["state"], failed["error_code"]) == ("failed", "JOB_CONFLICT") and failed["hint"]
    assert result(client, job)["run_id"] == asked["base"]
    again = client.post(f"{JOBS}/{job}/revisions", json=asked).json()
    assert again["id"] != begun["id"]
    do_all(prefect_server, name)
    assert client.get(again["url"]).json()["state"] == "completed"


@pytest.mark.parametrize(
    "change",
    [{"segments": {"99": {"text": "a"}}}, {"speakers": {"NOBODY": "a"}}, {"speakers": {"SPEAKER_00": " "}},
     {"undo": True, "speakers": {"SPEAKER_00": "a"}}, {}, {"segments": {"0": {"texts": "a"}}}, {"unknown": 1},
     {"segments": {"0": {"text": "a" * 20_000}}}, {"segments": {"no": {}}}],
)  # fmt: skip
def test_corrections_without_sense_are_refused_at_once(client: httpx.Client, job: str, change: dict[str, Any]) -> None:
    """422, and no run is made."""
    asked = {"base": result(client, job)["run_id"], **change}
    assert code(client.post(f"{JOBS}/{job}/revisions", json=asked)) == (422, "INVALID_REQUEST")
    assert client.get(f"{JOBS}/{job}").json()["revision"] is None


def test_large_corrections_are_refused_while_they_arrive(client: httpx.Client, job: str) -> None:
    """A 3 GB transcript is not read."""
    answer = client.post(f"{JOBS}/{job}/revisions", content=b"x" * 1_100_000)
    assert code(answer) == (413, "INVALID_REQUEST")


def test_a_waiting_job_is_cancelled_at_once(client: httpx.Client, talk: Path) -> None:
    """Its status says so; it cannot be cancelled twice, and then it can be forgotten."""
    job_id = f"talk-{uuid.uuid4().hex[:8]}"
    client.post(PROCESS, json={"job_id": job_id, "video_url": str(talk)})
    assert code(client.delete(f"{JOBS}/{job_id}")) == (409, "JOB_CONFLICT")
    assert client.post(f"{JOBS}/{job_id}/cancel").json()["state"] == "cancelled"
    assert client.get(STATUS + job_id).json()["error_code"] == "JOB_CANCELLED"
    assert code(client.post(f"{JOBS}/{job_id}/cancel")) == (409, "JOB_CONFLICT")
    assert client.delete(f"{JOBS}/{job_id}").status_code == 200
    assert code(client.get(f"{JOBS}/{job_id}")) == (404, "JOB_NOT_FOUND")


def test_a_lost_job_is_cancelled_at_once(client: httpx.Client, talk: Path, prefect_server: str) -> None:
    """Nothing of it is left that could be stopped; without a word it would be begun again."""
    job_id = f"talk-{uuid.uuid4().hex[:8]}"
    client.post(PROCESS, json={"job_id": job_id, "video_url": str(talk)})
    put(prefect_server, job_id, "CRASHED")
    assert client.get(f"{JOBS}/{job_id}").json()["state"] == "queued"
    assert client.post(f"{JOBS}/{job_id}/cancel").json()["state"] == "cancelled"


def test_a_forgotten_job_leaves_nothing(
    client: httpx.Client, job: str, prefect_server: str, name: str, tmp_path: Path
) -> None:
    """Result, recording, upload, its runs and those of its revisions are gone."""
    asked = {"base": result(client, job)["run_id"], "speakers": {"SPEAKER_00": "Sheila"}}
    begun = client.post(f"{JOBS}/{job}/revisions", json=asked).json()
    do_all(prefect_server, name)
    gone = client.delete(f"{JOBS}/{job}").json()
    assert gone["runs"] == 2 and gone["objects"] > 10 and gone["shared"] == 0
    assert [path for path in (tmp_path / "store").rglob("*") if path.is_file()] == []
    assert code(client.get(f"{JOBS}/{job}/result")) == (404, "JOB_NOT_FOUND")
    assert httpx.get(f"{prefect_server}/flow_runs/{begun['id']}").status_code == 404


def test_captions_are_burnt_in_as_a_job(
    client: httpx.Client, job: str, prefect_server: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It can be followed, is done once for one result, and gives a video; without ffmpeg it says what to do."""
    from ecg_audio.captions import burn as burning
    from ecg_audio.errors import FfmpegMissing

    def missing(*_asked: object) -> None:
        raise FfmpegMissing("there is no ffmpeg on this machine")

    def drawn(video: Path, _script: str, target: Path, _report: object) -> None:
        target.write_bytes(video.read_bytes() + b"captions")

    monkeypatch.setattr(burning, "burn", missing)
    monkeypatch.setattr(burning, "picture_size", lambda _video: (640, 360))
    begun = client.post(f"{JOBS}/{job}/burns").json()
    do_all(prefect_server, name)
    failed = client.get(begun["url"]).json()
    assert (failed["state"], failed["error_code"]) == ("failed", "FFMPEG_MISSING") and "Install" in failed["hint"]
    monkeypatch.setattr(burning, "burn", drawn)
    begun = client.post(f"{JOBS}/{job}/burns").json()
    do_all(prefect_server, name)
    ended = client.get(begun["url"]).json()
    assert ended["state"] == "completed" and client.get(ended["video"]).content.endswith(b"captions")
    assert client.post(f"{JOBS}/{job}/burns").json()["id"] == begun["id"]


def test_a_job_without_a_callback_tells_nobody(client: httpx.Client, job: str) -> None:
    """Whoever asks that its backend be told of a revision hears that there is none."""
    asked = {"base": result(client, job)["run_id"], "speakers": {"SPEAKER_00": "Sheila"}, "tell": True}
    refused = client.post(f"{JOBS}/{job}/revisions", json=asked)
    assert code(refused) == (422, "INVALID_REQUEST") and "without a callback" in refused.json()["message"]


def test_a_voice_is_remembered_listed_and_forgotten(
    client: httpx.Client, job: str, prefect_server: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On request, followed as other work; the list has names and no vectors; what cannot be is named at once."""
    from ecg_audio.speech import known_voices

    asked = {"name": "Sheila <b>", "job_id": job, "speaker": "SPEAKER_00"}
    little = client.post("/api/voices", json=asked)
    assert code(little) == (422, "TOO_LITTLE_SPEECH") and "1.0 s" in little.json()["message"]
    for limit in ("LEAST_S", "HEARD_S"):
        monkeypatch.setattr(known_voices, limit, 0.5)
    assert code(client.post("/api/voices", json={**asked, "speaker": "Bob"})) == (404, "SPEAKER_UNKNOWN")
    assert code(client.post("/api/voices", json={**asked, "job_id": "nobody"})) == (404, "JOB_NOT_FOUND")
    assert code(client.post("/api/voices", json={**asked, "name": "SPEAKER_01"})) == (422, "INVALID_REQUEST")
    begun = client.post("/api/voices", json=asked)
    assert begun.status_code == 202
    do_all(prefect_server, name)
    assert client.get(begun.json()["url"]).json()["state"] == "completed"
    [kept] = client.get("/api/voices").json()["voices"]
    assert set(kept) == {"id", "name", "speech_s", "remembered_at"} and kept["name"] == "Sheila <b>"
    [run] = httpx.post(
        f"{prefect_server}/flow_runs/filter", json={"flow_runs": {"id": {"any_": [begun.json()["id"]]}}}
    ).json()
    assert "Sheila" not in run["name"]
    assert client.delete(f"/api/voices/{kept['id']}").json() == {"name": "Sheila <b>"}
    assert client.get("/api/voices").json() == {"voices": []}
    assert code(client.delete(f"/api/voices/{kept['id']}")) == (404, "VOICE_UNKNOWN")


def test_channels_and_speakers_are_part_of_what_is_asked(client: httpx.Client, prefect_server: str, talk: Path) -> None:
    """They reach the run, another one of them under a known id is a conflict, and what is none is refused."""
    job_id = f"talk-{uuid.uuid4().hex[:8]}"
    asked = {"job_id": job_id, "video_url": str(talk), "channels": "separate", "speakers": 2}
    assert client.post(PROCESS, json=asked).status_code == 200
    [run] = run_of(prefect_server, job_id)
    request = run["parameters"]["request"]
    assert (request["channels"], request["speakers"]) == ("separate", 2)
    assert client.post(PROCESS, json=asked).status_code == 200
    assert code(client.post(PROCESS, json={**asked, "channels": "mixed"})) == (409, "JOB_CONFLICT")
    assert code(client.post(PROCESS, json={**asked, "speakers": 3})) == (409, "JOB_CONFLICT")
    for change in ({"channels": "left"}, {"speakers": 0}, {"speakers": "two"}):
        assert code(client.post(PROCESS, json={**asked, **change})) == (422, "INVALID_REQUEST")
    waiting = client.post("/transcribe", json={"video_path": str(talk), "job_id": job_id, "channels": "left"})
    assert code(waiting) == (422, "INVALID_REQUEST")


@pytest.mark.parametrize(
    "headers",
    [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "http://evil.example"},
     {"Origin": "null"}],
)  # fmt: skip
def test_pages_of_other_sites_change_nothing(client: httpx.Client, talk: Path, headers: dict[str, str]) -> None:
    """Whatever they send; programs, which name no page, and the gateway's own page do."""
    job_id = f"talk-{uuid.uuid4().hex[:8]}"
    asked = {"job_id": job_id, "video_url": str(talk)}
    assert code(client.post(PROCESS, json=asked, headers=headers)) == (403, "FOREIGN_PAGE")
    assert code(client.delete(f"{JOBS}/{job_id}", headers=headers)) == (403, "FOREIGN_PAGE")
    own = {"Sec-Fetch-Site": "same-origin", "Origin": str(client.base_url)}
    assert client.post(PROCESS, json=asked, headers=own).status_code == 200
    assert code(client.post(f"{JOBS}/{job_id}/cancel", headers=headers)) == (403, "FOREIGN_PAGE")
    assert client.post(f"{JOBS}/{job_id}/cancel").status_code == 200


def test_the_page_lets_nothing_in(client: httpx.Client) -> None:
    """No script, style or frame but its own; it cannot be framed, and there is nothing else beside its parts."""
    policy = client.get("/").headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy and "unsafe" not in policy
    assert client.get("/").text.count("<script") == 1 and " style=" not in client.get("/").text
    for part in ("main.js", "studio.css", "en.json", "ko.json"):
        assert client.get(f"/studio/{part}").status_code == 200
    for hostile in ("../front.py", "..%2Ffront.py", "index.html", "", "main.js/x"):
        assert client.get(f"/studio/{hostile}").status_code == 404
