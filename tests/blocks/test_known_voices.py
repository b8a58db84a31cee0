"""Known voices in a store: remembered on request, readable by their owner alone, and gone to the last byte."""

import base64
import json
import stat
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from blocks import known_voices
from blocks.bucket import BucketStore
from blocks.folder import FolderStore
from ecg_audio import layout
from ecg_audio.analysis import Analysis, Turn
from ecg_audio.errors import (
    InvalidRequest,
    ResultNotFound,
    SpeakerUnknown,
    StoreRefused,
    TooLittleSpeech,
    VoiceUnknown,
)
from ecg_audio.results import document, manifest
from ecg_audio.speech.known_voices import KnownVoice
from tests.support.results import factory
from tests.support.s3 import Moto
from tests.support.stub_engine import StubEngine

TURNS = (
    Turn(speaker="SPEAKER_00", start_s=0.0, end_s=8.0),
    Turn(speaker="SPEAKER_01", start_s=6.0, end_s=9.0),
)


@pytest.fixture
def store(tmp_path: Path, stub: StubEngine) -> FolderStore:
    """A store with one published job, in which one speaks for 6 s alone and another for 1 s."""
    made = FolderStore(tmp_path / "store")
    publish(made, factory.analysis(turns=TURNS, job_id="job-0001"))
    return made


def publish(store: FolderStore, analysis: Analysis) -> None:
    """Put a job's document and manifest where `publish` puts them, and its recording."""
    key = f"runs/{analysis.run_id}/analysis.json"
    content = document.dumps(analysis)
    store.write(key, content)
    written = manifest.build(analysis, {"analysis": manifest.output(key, content)}, request=None)
    store.write(layout.manifest(analysis.job_id), manifest.dumps(written))
    store.write(analysis.recording.key, b"fLaC")


def shapes(vector: tuple[float, ...]) -> list[bytes]:
    """A vector as somebody might have kept it: single and double precision, base64 and text, whole or a piece."""
    single, double = np.array(vector, np.float32), np.array(vector, np.float64)
    binary = [one.tobytes() for one in (single, double, single.astype(">f4"), double.astype(">f8"))]
    pieces = [one[place : place + 24] for one in binary for place in range(0, len(one) - 24, 240)]
    coded = [base64.b64encode(one)[offset : offset + 32] for one in binary for offset in (0, 40)]
    telling = [value for value in vector if len(repr(value)) > 8][:8]  # encoders leave zeros, which are everywhere
    texts = [f"{value:.{digits}f}" for value in telling for digits in (6, 8)]
    texts += [repr(value)[:12] for value in telling] + [json.dumps(value) for value in telling]
    wanted = [*pieces, *coded, *(text.encode() for text in texts)]
    return [one for one in wanted if len(set(one)) > 5]


def found_in(folder: Path, wanted: list[bytes]) -> list[str]:
    """The files below a folder that hold any of this."""
    return [
        str(path) for path in folder.rglob("*") if path.is_file() and any(one in path.read_bytes() for one in wanted)
    ]


def test_a_forgotten_voice_leaves_no_byte(store: FolderStore) -> None:
    """Remembered, its vector is in its own file alone, closed to others; forgotten, it is nowhere in the store."""
    kept = known_voices.remember(store, " Sheila\n O'Neil ", "job-0001", "SPEAKER_00")
    assert (kept.name, kept.speech_s) == ("Sheila O'Neil", 6.0)
    path = store.path(layout.voice("sheila o'neil"))
    assert found_in(store.folder, shapes(kept.vector)) == [str(path)]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [voice.name for voice in known_voices.known(store)] == ["Sheila O'Neil"]
    assert known_voices.forget(store, "SHEILA o'neil") == "Sheila O'Neil"
    assert found_in(store.folder, shapes(kept.vector)) == []
    assert known_voices.known(store) == []
    with pytest.raises(VoiceUnknown, match="Sheila"):
        known_voices.forget(store, "Sheila O'Neil")


def test_a_group_that_reads_results_reads_no_voice(store: FolderStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the operator lets a group read, voices are the owner's alone."""
    monkeypatch.setenv("ECG_UMASK", "022")
    known_voices.remember(store, "Sheila", "job-0001", "SPEAKER_00")
    assert stat.S_IMODE(store.path(layout.voice("Sheila")).stat().st_mode) == 0o600


def test_a_second_voice_of_a_name_replaces_the_first(store: FolderStore) -> None:
    """There is one voice a name."""
    known_voices.remember(store, "Sheila", "job-0001", "SPEAKER_00")
    known_voices.remember(store, "sheila", "job-0001", "SPEAKER_00")
    assert [voice.name for voice in known_voices.known(store)] == ["sheila"]


@pytest.mark.parametrize("name", ["김쉴라", "Zoë Müller", "شيلا محمد", "Шейла", "ᄀ" + "\u1161" + "희"])
def test_a_name_of_any_script_is_kept_and_forgotten_however_it_is_typed(store: FolderStore, name: str) -> None:
    """Composed or not, it is one name; what is listed is as it was given, and forgetting leaves nothing."""
    kept = known_voices.remember(store, unicodedata.normalize("NFC", name), "job-0001", "SPEAKER_00")
    known_voices.remember(store, unicodedata.normalize("NFD", name), "job-0001", "SPEAKER_00")
    [voice] = known_voices.known(store)
    assert unicodedata.normalize("NFC", voice.name) == unicodedata.normalize("NFC", name)
    known_voices.forget(store, unicodedata.normalize("NFD", name))
    assert found_in(store.folder, shapes(kept.vector)) == [] and known_voices.known(store) == []


def test_several_are_remembered_and_forgotten_at_once(store: FolderStore) -> None:
    """Each has a file of its own, whoever comes first; those who are left stay whole."""
    names = ["Sheila", "쉴라", "شيلا", "Diane", "Ann", "Bob"]

    def remembered(name: str) -> KnownVoice:
        return known_voices.remember(store, name, "job-0001", "SPEAKER_00")

    with ThreadPoolExecutor(6) as pool:
        made = list(pool.map(remembered, names))
    assert known_voices.known(store) == sorted(made, key=lambda voice: (voice.name.casefold(), voice.name))
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda name: known_voices.forget(store, name), names[:5]))
    assert [voice.name for voice in known_voices.known(store)] == ["Bob"]


def test_a_voice_may_be_kept_elsewhere_than_its_job(store: FolderStore, tmp_path: Path) -> None:
    """In the store that whoever asks looks into; that of the job holds no byte of it."""
    other = FolderStore(tmp_path / "other")
    kept = known_voices.remember(store, "Sheila", "job-0001", "SPEAKER_00", voices=other)
    assert known_voices.known(other) == [kept] and found_in(store.folder, shapes(kept.vector)) == []


def test_a_bucket_keeps_no_earlier_version_of_a_forgotten_voice(store: FolderStore, moto: Moto) -> None:
    """Where a bucket keeps versions, those of the voice go, whatever was done to it before, and those of no other."""
    name = moto.bucket()
    moto.client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    bucket = BucketStore("s3-bucket/voices", moto.block(name, "results"))
    for _ in range(2):
        known_voices.remember(store, "Sheila", "job-0001", "SPEAKER_00", voices=bucket)
    bucket.delete(layout.voice("Sheila"))
    kept = known_voices.remember(store, "Sheila", "job-0001", "SPEAKER_00", voices=bucket)
    known_voices.remember(store, "Diane", "job-0001", "SPEAKER_00", voices=bucket)
    assert len(_versions(moto, name)) == 4
    known_voices.forget(bucket, "Sheila")
    [left] = _versions(moto, name)
    assert left == f"results/{layout.voice('Diane')}" and kept.name == "Sheila"
    assert [voice.name for voice in known_voices.known(bucket)] == ["Diane"]


def _versions(moto: Moto, bucket: str) -> list[str]:
    """The key of each version of each object; that none is only a mark of a removal is asserted."""
    told = moto.client.list_object_versions(Bucket=bucket)
    return [one["Key"] for one in told.get("Versions", [])]


def test_what_cannot_be_remembered_is_named(store: FolderStore) -> None:
    """No such job, no such speaker, too little speech and how much there is, no sound any more, no name."""
    with pytest.raises(ResultNotFound, match="no result of nobody"):
        known_voices.remember(store, "Sheila", "nobody", "SPEAKER_00")
    with pytest.raises(SpeakerUnknown, match="no speaker SPEAKER_07: there are Speaker 1, Speaker 2"):
        known_voices.remember(store, "Sheila", "job-0001", "SPEAKER_07")
    with pytest.raises(TooLittleSpeech, match=r"alone for 1\.0 s; 5 s"):
        known_voices.remember(store, "Sheila", "job-0001", "SPEAKER_01")
    for name in ("", " \n", "SPEAKER_03", "Speaker 3", "x" * 81):
        with pytest.raises(InvalidRequest):
            known_voices.remember(store, name, "job-0001", "SPEAKER_00")
    store.delete(factory.analysis().recording.key)
    with pytest.raises(ResultNotFound, match="has been removed"):
        known_voices.remember(store, "Sheila", "job-0001", "SPEAKER_00")
    assert store.keys(layout.VOICES) == []


def test_a_damaged_voice_is_told_of(store: FolderStore) -> None:
    """A file that is no voice is no reason to say that nobody is known."""
    store.write(layout.voice("Sheila"), b"{}")
    with pytest.raises(StoreRefused, match="no voice"):
        known_voices.known(store)
    known_voices.forget(store, "Sheila")
    assert known_voices.known(store) == []
