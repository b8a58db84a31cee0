"""The embedded Whisper weights, joined from their parts in packages; and where aligners and models lie."""

import hashlib
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ecg_audio import workspace
from ecg_audio.compute import carried
from ecg_audio.compute.carried import CarriedFile
from ecg_audio.errors import ModelLoadingFailed
from ecg_audio.request import EMBEDDED
from ecg_audio.speech import weights
from ecg_audio.speech.settings import EngineSettings
from ecg_audio.speech.weights import embedded_here, verified_whisper
from tests.support import REPOSITORY

HEAD, TAIL, CONFIG = b"first half, " * 200_000, b"second half" * 90_000, b"{}"
WHOLE = {"model.bin": HEAD + TAIL, "config.json": CONFIG}


def embedded_file(name: str, content: bytes, *parts: tuple[str, str]) -> CarriedFile:
    """What the source would say of a file with this content."""
    return CarriedFile(name, len(content), hashlib.sha256(content).hexdigest(), parts)


@pytest.fixture
def carriers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two installed packages that carry a small model: its weights in two parts, its configuration."""
    monkeypatch.setenv("ECG_CACHE_DIR", str(tmp_path / "cache"))
    folder = tmp_path / "site-packages"
    for package, inside in (
        ("tiny_carrier_1", {"model.bin.part1": HEAD, "config.json": CONFIG}),
        ("tiny_carrier_2", {"model.bin.part2": TAIL}),
    ):
        (folder / package / "data").mkdir(parents=True)
        (folder / package / "__init__.py").write_text("raise AssertionError('a carrier is never imported')")
        for name, content in inside.items():
            (folder / package / "data" / name).write_bytes(content)
    parts = (("tiny_carrier_1", "data/model.bin.part1"), ("tiny_carrier_2", "data/model.bin.part2"))
    files = (
        embedded_file("model.bin", WHOLE["model.bin"], *parts),
        embedded_file("config.json", CONFIG, ("tiny_carrier_1", "data/config.json")),
    )
    monkeypatch.setattr(weights, "WHISPER_FILES", files)
    monkeypatch.syspath_prepend(str(folder))
    return folder


def joined() -> dict[str, bytes]:
    """What lies in the joined folder."""
    return {path.name: path.read_bytes() for path in verified_whisper().iterdir()}


def kept() -> list[str]:
    """What lies beside it, half-made folders included; the file by which processes wait for each other stays."""
    folder = workspace.cache() / "models"
    return sorted(path.name for path in folder.iterdir() if path.suffix != ".lock") if folder.is_dir() else []


def test_the_parts_are_joined_into_one_folder(carriers: Path) -> None:
    """Byte for byte, under a name by the digest; nothing else is left there."""
    assert embedded_here()
    assert joined() == WHOLE
    assert kept() == [f"whisper-base-{weights.WHISPER_FILES[0].sha256[:12]}"]


def test_they_are_joined_once(carriers: Path) -> None:
    """The folder is taken as it is from then on, also without the packages."""
    first = verified_whisper()
    made_ns = (first / "model.bin").stat().st_mtime_ns
    shutil.rmtree(carriers)
    importlib.invalidate_caches()
    assert embedded_here()
    assert verified_whisper() == first
    assert (first / "model.bin").stat().st_mtime_ns == made_ns


@pytest.mark.parametrize(
    ("part", "content"),
    [
        ("tiny_carrier_2/data/model.bin.part2", TAIL[:-1] + b"X"),
        ("tiny_carrier_2/data/model.bin.part2", TAIL[:-1]),
        ("tiny_carrier_1/data/model.bin.part1", b""),
        ("tiny_carrier_1/data/config.json", b"[]"),
    ],
    ids=["another byte", "cut short", "empty", "another file"],
)
def test_a_damaged_part_is_refused_by_name(carriers: Path, part: str, content: bytes) -> None:
    """The error names the file, its digest, the one it should have, and how to mend it; nothing half-joined is left."""
    (carriers / part).write_bytes(content)
    name = "config.json" if "config" in part else "model.bin"
    damaged = {"model.bin": b"".join(path.read_bytes() for path in sorted(carriers.rglob("model.bin.part*")))}
    found = hashlib.sha256(damaged.get(name, content)).hexdigest()
    expected = next(file.sha256 for file in weights.WHISPER_FILES if file.name == name)
    with pytest.raises(ModelLoadingFailed, match=f"{name} of the embedded Whisper model is damaged") as failure:
        verified_whisper()
    for said in (str(carriers / part), found, expected):
        assert said in failure.value.message
    assert "requirements-weights.lock" in failure.value.hint and "ecg models fetch embedded" in failure.value.hint
    assert kept() == []


def test_a_mended_part_is_joined_after_all(carriers: Path) -> None:
    """A failure leaves nothing behind that would stand in the way."""
    part = carriers / "tiny_carrier_2" / "data" / "model.bin.part2"
    part.write_bytes(b"damaged")
    with pytest.raises(ModelLoadingFailed):
        verified_whisper()
    part.write_bytes(TAIL)
    assert joined() == WHOLE


@pytest.mark.parametrize("missing", ["tiny_carrier_2/data/model.bin.part2", "tiny_carrier_2"])
def test_a_missing_part_is_named(carriers: Path, missing: str) -> None:
    """A file that is gone, or a whole package: which part, of which package as a registry calls it, and the mend."""
    path = carriers / missing
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    importlib.invalidate_caches()
    assert not embedded_here()
    with pytest.raises(ModelLoadingFailed, match=r"model\.bin\.part2 of the package tiny-carrier-2") as failure:
        verified_whisper()
    assert "ecg models fetch embedded" in failure.value.hint
    assert kept() == []


def test_a_file_that_was_damaged_later_is_joined_again(carriers: Path) -> None:
    """Same size, other bytes: only the digest tells, and `embedded_here` does not ask it."""
    file = verified_whisper() / "model.bin"
    file.write_bytes(b"X" + WHOLE["model.bin"][1:])
    assert embedded_here()
    assert (verified_whisper() / "model.bin").read_bytes() == WHOLE["model.bin"]
    assert len(kept()) == 1


def test_a_file_that_lost_bytes_is_joined_again_at_once(carriers: Path) -> None:
    """A disk that was full, or a file that is gone: the folder is not taken for whole."""
    folder = verified_whisper()
    (folder / "model.bin").write_bytes(HEAD)
    assert joined() == WHOLE
    (folder / "config.json").unlink()
    assert joined() == WHOLE
    assert len(kept()) == 1


def test_a_damaged_folder_whose_packages_are_gone_is_said_so(carriers: Path) -> None:
    """There is nothing to join it from; what is damaged is not used."""
    (verified_whisper() / "model.bin").write_bytes(b"X" + WHOLE["model.bin"][1:])
    shutil.rmtree(carriers)
    importlib.invalidate_caches()
    with pytest.raises(ModelLoadingFailed, match="a part of the embedded Whisper model is missing"):
        verified_whisper()


@pytest.mark.parametrize("before", ["nothing", "damaged", "cut short"])
def test_threads_that_join_at_once_get_one_folder(carriers: Path, before: str) -> None:
    """Eight at the same moment, several times: all read the whole model from the same place, and none fails."""

    def read(start: threading.Barrier) -> bytes:
        start.wait()
        return (verified_whisper() / "model.bin").read_bytes()

    with ThreadPoolExecutor(8) as pool:
        for _ in range(5):
            folder = verified_whisper()
            if before == "nothing":
                shutil.rmtree(folder)
            else:
                content = b"X" + WHOLE["model.bin"][1:]
                (folder / "model.bin").write_bytes(content if before == "damaged" else content[:1000])
            found = list(pool.map(read, [threading.Barrier(8)] * 8))
            assert set(found) == {WHOLE["model.bin"]}
    assert len(kept()) == 1


PROGRAM = """
import sys
import threading
from ecg_audio.compute.carried import CarriedFile, CarriedModel
from ecg_audio.speech import weights
weights.WHISPER_FILES = {files}
sys.stdin.readline()
{before}
print(weights.verified_whisper())
"""
SLOW_COPY = """
import time
real = CarriedModel._copy
def slow(*arguments):
    real(*arguments)
    print("copied", flush=True)
    time.sleep(600)
CarriedModel._copy = slow
"""


def joining(carriers: Path, before: str = "") -> "subprocess.Popen[str]":
    """A process that joins as soon as it is given a line."""
    program = PROGRAM.format(files=repr(weights.WHISPER_FILES), before=before)
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(carriers), *filter(None, sys.path), str(REPOSITORY)]),
    }
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, "-c", program], stdin=pipe, stdout=pipe, env=environment, text=True)


def test_processes_that_join_at_once_get_one_folder(carriers: Path) -> None:
    """Two processes: neither fails, both name the same folder, and it is whole."""
    processes = [joining(carriers) for _ in range(2)]
    for process in processes:
        assert process.stdin
        process.stdin.write("now\n")
        process.stdin.flush()
    found = [process.communicate(timeout=60)[0].strip() for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert found == [str(verified_whisper())] * 2
    assert joined() == WHOLE
    assert len(kept()) == 1


def test_what_a_killed_process_left_is_removed_by_the_next(carriers: Path) -> None:
    """Kill -9 in the middle of joining leaves a hidden folder, and stops nobody."""
    process = joining(carriers, SLOW_COPY)
    assert process.stdin and process.stdout
    process.stdin.write("now\n")
    process.stdin.flush()
    assert process.stdout.readline() == "copied\n"
    process.send_signal(signal.SIGKILL)
    process.communicate()
    (left,) = kept()
    assert left.startswith(".whisper-base-")
    assert joined() == WHOLE
    assert len(kept()) == 1


@pytest.mark.slow
def test_the_real_packages_join_to_the_digests_in_the_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The packages that requirements-weights.lock names hold OpenAI's base, bit for bit."""
    if not all(importlib.util.find_spec(package) for file in weights.WHISPER_FILES for package, _ in file.parts):
        pytest.skip("the packages of requirements-weights.lock are not installed: the registry may not have them")
    monkeypatch.setenv("ECG_CACHE_DIR", str(tmp_path))
    folder = verified_whisper()
    for file in weights.WHISPER_FILES:
        content = (folder / file.name).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (file.size_bytes, file.sha256)


def test_the_embedded_model_is_known_by_its_digest_and_size(carriers: Path) -> None:
    """Also before it is joined: cache keys and memory plans ask."""
    assert weights.content(EMBEDDED) == hashlib.sha256(WHOLE["model.bin"]).hexdigest()
    assert weights.size_bytes(EMBEDDED) == sum(map(len, WHOLE.values()))
    assert kept() == []


def test_the_parts_of_the_other_embedded_models_are_there() -> None:
    """The lock brings them: the segmentation model and the voice encoder."""
    assert weights.segmentation_path().stat().st_size > 1_000_000
    assert weights.voice_encoder_path().stat().st_size > 1_000_000


@pytest.mark.parametrize(
    ("ask", "package"),
    [
        (weights.segmentation_path, "whisperx"),
        (weights.voice_encoder_path, "resemblyzer"),
    ],
)
def test_an_embedded_part_without_its_package_is_named(
    monkeypatch: pytest.MonkeyPatch, ask: Callable[[], Path], package: str
) -> None:
    """The error names the package that brings it."""
    monkeypatch.setattr(carried.importlib.util, "find_spec", lambda _package: None)
    with pytest.raises(ModelLoadingFailed, match=f"comes with the package {package}") as failure:
        ask()
    assert package in failure.value.hint


# What settings need


def test_needed_are_recogniser_pipeline_and_aligners_that_are_set(carriers: Path) -> None:
    """Embedded parts and directories are local; an aligner that is none or embedded is not needed."""
    given = EngineSettings(
        model=EMBEDDED,
        diarization="org/pipeline",
        diarization_revision="v1",
        align_models={"en": "embedded", "ko": "none", "ja": "org/aligner"},
    )
    found = weights.needed(given)
    assert [(model.name, model.revision, model.language) for model in found] == [
        (EMBEDDED, None, None),
        ("org/pipeline", "v1", None),
        ("org/aligner", None, "ja"),
    ]
    assert [model.local for model in found] == [True, False, False]
    assert {model.variable for model in found} == {
        "ECG_WHISPERX_MODEL",
        "ECG_WHISPERX_DIARIZATION",
        "ECG_WHISPERX_ALIGN_MODELS",
    }


def test_an_embedded_recogniser_without_its_packages_is_not_here(carriers: Path) -> None:
    """Then it is to be fetched; the embedded pipeline comes with the lock."""
    shutil.rmtree(carriers)
    importlib.invalidate_caches()
    recogniser, pipeline = weights.needed(EngineSettings(model=EMBEDDED, diarization=EMBEDDED))
    assert (recogniser.here, recogniser.local) == (False, False)
    assert (pipeline.here, pipeline.local) == (True, True)


def test_more_languages_need_whisperxs_own_aligners() -> None:
    """Those of its tables, each once; a language without one needs none."""
    given = EngineSettings(model=EMBEDDED, diarization=EMBEDDED, align_models={"en": "org/aligner"})
    found = [model for model in weights.needed(given, ["ko", "en", "ko", "yo"]) if model.language]
    assert [(model.language, model.name) for model in found] == [
        ("en", "org/aligner"),
        ("ko", weights.own_aligners()["ko"]),
    ]


def test_an_aligner_of_torchaudio_lies_in_torchs_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It is no hub name: its file is looked for where torch would put it."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    assert not weights.aligner_here("WAV2VEC2_ASR_BASE_960H")
    (tmp_path / "hub" / "checkpoints").mkdir(parents=True)
    (tmp_path / "hub" / "checkpoints" / "wav2vec2_fairseq_base_ls960_asr_ls960.pth").touch()
    assert weights.aligner_here("WAV2VEC2_ASR_BASE_960H")
