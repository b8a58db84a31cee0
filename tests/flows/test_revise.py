"""A finished result is corrected: what depends on the correction is made again, and published whole."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from blocks import known_voices
from blocks.storage import open_store
from ecg_audio.analysis import Analysis, Edits, SegmentEdit
from ecg_audio.claim import claimed
from ecg_audio.errors import InvalidRequest, JobConflict, PublishFailed, ResultNotFound
from ecg_audio.results import document, manifest
from ecg_audio.results.outcome import Outcome
from ecg_audio.speech import known_voices as speech_voices
from flows.analyze import analyze
from flows.remember_voice import remember_voice
from flows.revise import revise
from tasks.publish import publish
from tests.flows.test_analyze import Ask, Calls, said  # noqa: F401 - a fixture
from tests.support.processes.killed_revision import EDITS
from tests.support.stub_engine import StubEngine

pytestmark = pytest.mark.usefixtures("prefect_server", "stub")


def result(ended: Outcome) -> Analysis:
    """The published document."""
    assert ended.outputs
    return document.loads(Path(ended.outputs.analysis).read_bytes())


@pytest.fixture
def store(tmp_path: Path) -> str:
    """The store of `ask`'s requests."""
    return str(tmp_path / "store")


@pytest.fixture
def analysed(ask: Ask) -> Analysis:
    """The machine's own result: "hello there" by one, "good bye" by another."""
    return result(analyze(ask()))


def test_a_corrected_word_is_aligned_measured_and_published(analysed: Analysis, store: str, calls: Calls) -> None:
    """Document, tables, captions and backend document have the new word with its own voice; nothing else is heard."""
    heard_before = calls()
    ended = revise("job-1", Edits(segments={0: SegmentEdit(text="hello where")}), store)
    found = result(ended)
    assert calls() == sorted([*heard_before, "align"])
    word = found.segments[0].words[1]
    assert (word.text, word.written_by, word.timing) == ("where", "person", "aligned")
    assert word.voice and word.voice.rms_dbfs is not None
    assert found.segments[0].recognised == "hello there"
    assert found.segments[1].words[1:] == analysed.segments[1].words[1:]
    assert found.segments[1].words[0].voice == analysed.segments[1].words[0].voice  # its pause is told anew
    assert found.segments[0].words[0].start_s == analysed.segments[0].words[0].start_s
    assert found.revision and found.revision.number == 1 and found.revision.original_run_id == analysed.run_id
    assert ended.outputs
    words = pq.read_table(ended.outputs.tables["words"]).to_pydict()
    assert words["text"] == ["hello", "where", "good", "bye"]
    assert words["written_by"] == ["machine", "person", "machine", "machine"]
    assert "where" in Path(ended.outputs.srt).read_text() and "there" not in Path(ended.outputs.srt).read_text()
    assert json.loads(Path(ended.outputs.backend).read_text())["text"] == "hello where good bye"
    assert [*Path(store).glob("features/words/*/*.parquet")] == [Path(ended.outputs.tables["words"])]


def test_a_revision_says_what_it_changed(analysed: Analysis, store: str, said: list[str]) -> None:  # noqa: F811
    """Its number, and how many words and names are others: a line of the run, without the words."""
    revise("job-1", Edits(speakers={"Speaker 1": "Sheila"}, segments={0: SegmentEdit(text="hello where")}), store)
    revise("job-1", None, store, undo=True)
    assert "revision 1: 1 word, 1 name" in said and "the machine's own result again: 1 word, 1 name" in said
    assert not any("Sheila" in line or "where" in line for line in said)


def test_the_manifest_keeps_the_machines_own_result(analysed: Analysis, store: str) -> None:
    """After two corrections the original is still there, whole, and the run before is gone."""
    revise("job-1", Edits(speakers={"SPEAKER_00": "Sheila"}), store)
    ended = revise("job-1", Edits(segments={1: SegmentEdit(text="good buy")}), store)
    assert ended.outputs
    written = manifest.loads(Path(ended.outputs.manifest).read_bytes())
    manifest.verify(written, lambda key: (Path(store) / key).read_bytes())
    assert document.loads((Path(store) / written.outputs["original"].key).read_bytes()) == analysed
    found = result(ended)
    assert found.revision and len(found.revision.edits) == 2
    assert [segment.speaker for segment in found.segments] == ["Sheila", "SPEAKER_01"]
    assert found.speakers[1].embedding is None or found.speakers[0].id == "SPEAKER_01"
    assert len(list((Path(store) / "runs").iterdir())) == 1


def test_the_report_shows_the_recording_that_it_showed(analysed: Analysis, store: str) -> None:
    """A video that was analysed is still the report's video after a correction."""
    [before] = Path(store).glob("runs/*/report.html")
    shown = json_media(before)
    assert shown["kind"] == "audio" or shown["kind"] == "video"
    revise("job-1", Edits(speakers={"SPEAKER_00": "Sheila"}), store)
    [after] = Path(store).glob("runs/*/report.html")
    assert after != before and json_media(after) == shown and "Sheila" in after.read_text()


def json_media(report: Path) -> dict[str, str]:
    """What a report says of its recording."""
    text = report.read_text()
    begin = text.index('"media":') + len('"media":')
    found: dict[str, str] = json.JSONDecoder().raw_decode(text[begin:])[0]
    return found


def test_corrections_are_taken_back_one_by_one(analysed: Analysis, store: str) -> None:
    """Undoing gives the result of before, and in the end the machine's own; then there is nothing left to undo."""
    once = result(revise("job-1", Edits(speakers={"SPEAKER_00": "Sheila"}), store))
    revise("job-1", Edits(segments={1: SegmentEdit(text="good buy")}), store)
    back = result(revise("job-1", None, store, undo=True))
    assert (back.segments, back.turns, back.speakers) == (once.segments, once.turns, once.speakers)
    again = result(revise("job-1", None, store, undo=True))
    assert again == analysed.model_copy(update={"run_id": again.run_id})
    with pytest.raises(InvalidRequest, match="nothing to take back"):
        revise("job-1", None, store, undo=True)


def test_corrections_of_another_result_are_a_conflict(analysed: Analysis, store: str) -> None:
    """Whoever corrected the result of before hears what it is now, and nothing is lost."""
    first = result(revise("job-1", Edits(speakers={"SPEAKER_00": "Sheila"}), store, base=analysed.run_id))
    with pytest.raises(JobConflict, match="revision 1"):
        revise("job-1", Edits(speakers={"SPEAKER_01": "Diane"}), store, base=analysed.run_id)
    [report] = Path(store).glob("runs/*/analysis.json")
    assert document.loads(report.read_bytes()) == first


def test_only_one_revises_at_a_time(analysed: Analysis, store: str) -> None:
    """While somebody holds the claim, the second is told."""
    from blocks.storage import open_store

    with claimed(open_store(store), "job-1.revision") as ours, pytest.raises(JobConflict, match="somebody else"):
        assert ours
        revise("job-1", Edits(speakers={"SPEAKER_00": "Sheila"}), store)


def test_what_cannot_be_revised_is_named(analysed: Analysis, store: str) -> None:
    """No such job, corrections that make no sense, a recording that is gone: the result stands as it was."""
    with pytest.raises(ResultNotFound, match="no result of nobody"):
        revise("nobody", Edits(), store)
    with pytest.raises(InvalidRequest, match="no segment 9"):
        revise("job-1", Edits(segments={9: SegmentEdit(text="a")}), store)
    with pytest.raises(InvalidRequest, match="one of both"):
        revise("job-1", None, store)
    (Path(store) / analysed.recording.key).unlink()
    with pytest.raises(ResultNotFound, match="recording of job-1 has been removed"):
        revise("job-1", Edits(speakers={"SPEAKER_00": "Sheila"}), store)
    [report] = Path(store).glob("runs/*/analysis.json")
    assert document.loads(report.read_bytes()) == analysed


def test_texts_are_corrected_when_the_recording_has_been_removed(analysed: Analysis, store: str, calls: Calls) -> None:
    """If somebody says so: what is new has no voice, all else keeps its own, a notice says it, and it can be undone."""
    before = calls()
    for path in (Path(store) / "recordings").rglob("*.*"):
        path.unlink()
    edits = Edits(speakers={"SPEAKER_00": "Sheila"}, segments={0: SegmentEdit(text="hello where")})
    found = result(revise("job-1", edits, store, unheard=True))
    assert calls() == before
    first, second = found.segments
    assert [(word.text, word.timing, word.voice is None) for word in first.words] == [
        ("hello", "engine", False), ("where", "interpolated", True)
    ]  # fmt: skip
    assert (first.speaker, first.voice) == ("Sheila", None) and second == analysed.segments[1]
    assert [(one.id, one.words, one.voice is None) for one in found.speakers] == [
        ("Sheila", 2, False), ("SPEAKER_01", 2, False)
    ]  # fmt: skip
    assert found.notices[-1].code == "REVISED_UNHEARD"
    again = result(revise("job-1", None, store, undo=True, unheard=True))
    assert again == analysed.model_copy(update={"run_id": again.run_id})


def test_a_lost_revision_that_had_published_is_done(analysed: Analysis, store: str) -> None:
    """Begun again it finds its own result and corrects nothing twice; the claim that it left does not keep it out."""
    from prefect.client.orchestration import get_client
    from prefect.flow_engine import run_flow
    from prefect.states import AwaitingRetry, Crashed

    asked = {"job_id": "job-1", "edits": Edits(speakers={"SPEAKER_00": "Sheila"}), "store": store}
    with get_client(sync_client=True) as client:
        flow_run = client.create_flow_run(revise, parameters=asked)
        state = run_flow(revise, flow_run=flow_run, parameters=asked, return_type="state")
        assert state.is_completed()
        [report] = Path(store).glob("runs/*/analysis.json")
        first = document.loads(report.read_bytes())
        mark = f"deliveries/claims/job-1.revision~{int(time.time() + 60)}~{flow_run.id}"
        Path(store, mark).parent.mkdir(parents=True, exist_ok=True)
        Path(store, mark).write_bytes(b"")
        client.set_flow_run_state(flow_run.id, Crashed(), force=True)
        client.set_flow_run_state(flow_run.id, AwaitingRetry(), force=True)
        again = client.read_flow_run(flow_run.id)
        state = run_flow(revise, flow_run=again, parameters=asked, return_type="state")
    assert state.is_completed()
    [report] = Path(store).glob("runs/*/analysis.json")
    assert document.loads(report.read_bytes()) == first


def test_a_revision_that_is_not_published_changes_nothing(
    analysed: Analysis, store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store goes away in the midst of it: the old result stands whole."""
    from blocks.folder import FolderStore

    monkeypatch.setattr(publish.task, "retry_delay_seconds", [0.05])
    whole = FolderStore.upload

    def broken(self: FolderStore, key: str, path: Path) -> None:
        if key.endswith("captions.vtt"):
            raise PublishFailed("the store is away")
        whole(self, key, path)

    monkeypatch.setattr(FolderStore, "upload", broken)
    with pytest.raises(PublishFailed):
        revise("job-1", Edits(speakers={"SPEAKER_00": "Sheila"}), store)
    written = manifest.loads((Path(store) / "results/job-1/manifest.json").read_bytes())
    manifest.verify(written, lambda key: (Path(store) / key).read_bytes())
    assert document.loads((Path(store) / written.outputs["analysis"].key).read_bytes()) == analysed


@pytest.mark.slow
def test_a_killed_revision_leaves_the_old_result_or_the_new_one(
    analysed: Analysis, store: str, prefect_server: str, tmp_path: Path
) -> None:
    """After kill -9 before the manifest is written and right behind it; done again, the new one is there, whole.

    Rows are replaced a table at a time: those that were new before the manifest was are of the new result.
    """
    killed = {}
    for moment in ("before", "after"):
        of = tmp_path / moment
        shutil.copytree(store, of)
        asked = [sys.executable, "-m", "tests.support.processes.killed_revision", str(of), "manifest.json", moment]
        killed[moment] = (
            of,
            subprocess.Popen(
                asked, env=os.environ | {"PREFECT_API_URL": prefect_server}, cwd=Path(__file__).parents[2]
            ),
        )
    for moment, (of, process) in killed.items():
        assert process.wait(120) == -signal.SIGKILL
        found = published(of, tables=moment == "after")
        corrected = [word.text for word in found.words] == ["hello", "there", "good", "buy"]
        assert corrected == (moment == "after") and (corrected or found == analysed)
    time.sleep(2.0)  # what the dead claimed no longer stands
    of, _ = killed["before"]
    revise("job-1", EDITS, str(of))
    again = published(of)
    assert again.segments[0].speaker == "Sheila" and again.segments[1].words[1].text == "buy"


def published(store: Path, *, tables: bool = True) -> Analysis:
    """The job's result, which is as its manifest says, in all parts or in all but the tables."""
    written = manifest.loads((store / "results/job-1/manifest.json").read_bytes())
    outputs = {name: one for name, one in written.outputs.items() if tables or not name.startswith("tables/")}
    manifest.verify(written.model_copy(update={"outputs": outputs}), lambda key: (store / key).read_bytes())
    return document.loads((store / written.outputs["analysis"].key).read_bytes())


def test_the_engine_that_heard_the_words_aligns_the_new_ones(
    analysed: Analysis, store: str, stub: StubEngine, calls: Calls
) -> None:
    """Names alone need no model."""
    before = calls()
    revise("job-1", Edits(speakers={"SPEAKER_00": "Sheila"}), store)
    assert calls() == before


def test_a_voice_that_is_remembered_names_later_results_until_it_is_forgotten(
    ask: Ask, analysed: Analysis, store: str, monkeypatch: pytest.MonkeyPatch, calls: Calls
) -> None:
    """The next analysis, for which all else is cached, has the name and says whence; a person stands above it."""
    for limit in ("LEAST_S", "HEARD_S"):
        monkeypatch.setattr(speech_voices, limit, 0.5)
    assert analysed.speakers[0].naming is None and "embed" not in calls()
    assert remember_voice("Sheila", "job-1", "SPEAKER_00", store) == pytest.approx(1.0, abs=0.2)
    ended = analyze(ask())
    found = result(ended)
    sheila = found.speakers[0]
    assert (sheila.id, sheila.naming and sheila.naming.by) == ("Sheila", "voice")
    assert {segment.speaker for segment in found.segments} == {"Sheila", "SPEAKER_01"}
    assert [one.status for one in ended.stages if one.name in ("diarize", "name_speakers")] == ["cached", "completed"]
    assert ended.outputs
    table = pq.read_table(ended.outputs.tables["speakers"]).to_pydict()
    assert table["named_by"] == ["voice", None] and table["name_similarity"][0] == pytest.approx(1.0)
    renamed = result(revise("job-1", Edits(speakers={"Sheila": "Anna"}), store)).speakers[0]
    assert (renamed.id, renamed.naming and renamed.naming.by) == ("Anna", "person")
    known_voices.forget(open_store(store), "Sheila")
    assert result(analyze(ask())).speakers[0].id == "SPEAKER_00"
