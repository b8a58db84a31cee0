"""`ecg export` and `ecg query`, run as a user runs them on a published result."""

import hashlib
import io
import shlex
import zipfile
from pathlib import Path

import pytest
import typer

from blocks.folder import FolderStore
from deployments.cli.main import app
from ecg_audio import layout
from ecg_audio.claim import claimed
from ecg_audio.request import GB, AnalysisRequest, Limits
from ecg_audio.results import bundle, document, manifest
from ecg_audio.results.outcome import TABLES
from tests.support.commands import Ecg, Ended
from tests.support.results import corpus, factory

ANALYSIS = factory.analysis(created_at="2026-03-05T08:00:00Z")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with one published result: its analysis and its tables."""
    folder = corpus.publish(tmp_path_factory.mktemp("store"), [ANALYSIS])
    analysis = document.dumps(ANALYSIS)
    key = f"runs/{ANALYSIS.run_id}/analysis.json"
    outputs = {"analysis": manifest.output(key, analysis)}
    for path in (folder / "features").rglob("*.parquet"):
        name = path.relative_to(folder).as_posix()
        outputs[f"tables/{path.parts[-3]}"] = manifest.output(name, path.read_bytes())
    written = manifest.dumps(manifest.build(ANALYSIS, outputs))
    for name, content in {key: analysis, f"results/{ANALYSIS.job_id}/manifest.json": written}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def test_formats_are_written_beside_each_other(ecg: Ecg, store: Path, tmp_path: Path) -> None:
    """One file a format, named after the job, and each path on standard output."""
    done = ecg(
        "export", ANALYSIS.job_id, "--out", str(store), "--format", "textgrid,eaf", "--to", str(tmp_path / "made")
    )
    assert done.code == 0, done.err
    names = {f"{ANALYSIS.job_id}.TextGrid", f"{ANALYSIS.job_id}.eaf"}
    assert {path.name for path in (tmp_path / "made").iterdir()} == names
    assert {Path(line).name for line in done.out.splitlines()} == names


def test_a_bundle_is_whole_and_the_same_every_time(ecg: Ecg, store: Path, tmp_path: Path) -> None:
    """Two runs are byte-identical; the sums in it hold for everything in it, tables included."""
    archives = []
    for folder in (tmp_path / "a", tmp_path / "b"):
        done = ecg("export", ANALYSIS.job_id, "--out", str(store), "--to", str(folder))
        assert done.code == 0, done.err
        archives.append((folder / f"{ANALYSIS.job_id}.zip").read_bytes())
    assert archives[0] == archives[1]
    with zipfile.ZipFile(io.BytesIO(archives[0])) as packed:
        sums = dict(line.split("  ")[::-1] for line in packed.read("SHA256SUMS").decode().splitlines())
        assert set(sums) == set(packed.namelist()) - {"SHA256SUMS"}
        for name, digest in sums.items():
            assert hashlib.sha256(packed.read(name)).hexdigest() == digest
        assert {"analysis.json", "tables/words.parquet", f"{ANALYSIS.job_id}.TextGrid"} <= set(sums)


def test_a_bundle_says_how_it_is_made_again() -> None:
    """The command quotes what a shell would split, and leads the recogniser as before."""
    led = ANALYSIS.model_copy(update={"source": "a talk.wav", "hotwords": "Ana; rm", "language_requested": "en"})
    command = bundle.provenance(led)["command"]
    assert command == (
        f"ecg analyze 'a talk.wav' --job-id {led.job_id} --models {led.models_requested} --language en "
        "--voice-vectors --hotwords 'Ana; rm'"
    )


def test_the_command_has_every_option_and_setting() -> None:
    """What was asked, as `ecg analyze` understands it, and what was set; the digests of the models beside it."""
    asked = AnalysisRequest(
        source="talk.wav",
        job_id="talk",
        speakers=2,
        sounds=False,
        translate=True,
        channels="mixed",
        initial_prompt="Ana said:",
        limits=Limits(max_bytes=8 * GB, max_duration_s=6 * 3600),
    )
    options = asked.model_dump(mode="json", exclude={"source", "job_id"}, exclude_defaults=True)
    engine = {"content of base": "0f" * 32}
    origin = manifest.Origin(options=options, settings={"ECG_WHISPERX_BEAM_SIZE": "2"}, engine=engine)
    told = bundle.provenance(ANALYSIS, origin)
    assert (told["settings"], told["engine"]) == (origin.settings, engine)
    variables, _, command = str(told["command"]).partition(" ecg analyze ")
    assert variables == "env ECG_WHISPERX_BEAM_SIZE=2"
    with typer.main.get_command(app).commands["analyze"].make_context("analyze", shlex.split(command)) as context:  # type: ignore[attr-defined]
        given = context.params
    assert given["sources"] == [ANALYSIS.source] and given["job_id"] == ANALYSIS.job_id
    assert (given["max_gb"], given["max_hours"]) == (8.0, 6.0)
    for name in options.keys() - {"limits"}:
        assert given[name] == getattr(asked, name), name


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("export", ANALYSIS.job_id, "--format", "xml"), "INVALID_REQUEST"),
        (("export", "nobody"), "RESULT_NOT_FOUND"),
        (("query", "SELEC 1"), "INVALID_REQUEST"),
        (("query", "SELECT loudness FROM words"), "INVALID_REQUEST"),
    ],
)
def test_mistakes_are_named(ecg: Ecg, store: Path, tmp_path: Path, arguments: tuple[str, ...], code: str) -> None:
    """Exit code 2 and an error with its code; nothing is written."""
    done = ecg(*arguments, "--out", str(store), *(("--to", str(tmp_path)) if arguments[0] == "export" else ()))
    assert (done.code, code in done.err) == (2, True), done.err
    assert not list(tmp_path.iterdir())


def test_a_question_is_answered(ecg: Ecg, store: Path) -> None:
    """A table for people, comma-separated values for programs."""
    sql = "SELECT count(*) AS words FROM words"
    assert str(len(ANALYSIS.words)) in answered(ecg("query", sql, "--out", str(store)))
    assert answered(ecg("query", sql, "--csv", "--out", str(store))) == f"words\n{len(ANALYSIS.words)}\n"


def test_a_store_without_tables_is_named(ecg: Ecg, tmp_path: Path) -> None:
    """An empty folder has nothing to be asked."""
    done = ecg("query", "SELECT 1", "--out", str(tmp_path))
    assert "RESULT_NOT_FOUND" in done.err and done.code != 0


def answered(done: Ended) -> str:
    """Standard output of a command that went well."""
    assert done.code == 0, done.err
    return done.out


def test_results_are_listed_the_newest_first(ecg: Ecg, tmp_path: Path) -> None:
    """A line a result, no more than were asked for; an empty store says that it is."""
    analyses = corpus.recordings(3)
    store = str(corpus.publish(tmp_path / "store", analyses))
    lines = answered(ecg("list", "--limit", "2", "--out", store)).splitlines()
    newest = sorted(analyses, key=lambda one: one.created_at, reverse=True)
    assert [line.split()[0] for line in lines[1:3]] == [one.job_id for one in newest[:2]]
    assert "1 more" in lines[3]
    assert "RESULT_NOT_FOUND" in ecg("list", "--out", str(tmp_path)).err


def test_a_page_that_is_not_there_is_named(ecg: Ecg, store: Path) -> None:
    """`ecg open` opens no browser for a job that nobody knows."""
    assert "no published result of nobody" in ecg("open", "nobody", "--out", str(store)).err


def test_egemaps_are_of_the_whole_and_of_each_segment(ecg: Ecg, store: Path, tmp_path: Path) -> None:
    """One CSV with a row for the recording and one for each segment."""
    answered(ecg("export", ANALYSIS.job_id, "--out", str(store), "--format", "egemaps", "--to", str(tmp_path)))
    rows = (tmp_path / f"{ANALYSIS.job_id}.egemaps.csv").read_text(encoding="utf-8").splitlines()
    assert len(rows) == 2 + len(ANALYSIS.segments)
    assert rows[0].startswith("file,start,end,speaker,F0semitoneFrom27.5Hz_sma3nz_amean,")


def test_small_files_become_one_a_day(ecg: Ecg, tmp_path: Path) -> None:
    """`ecg compact` says what it did, questions are answered as before, and new files wait for their hour."""
    made = [factory.analysis(6, seed=seed, created_at="2026-03-05T08:00:00Z") for seed in range(3)]
    place = str(corpus.publish(tmp_path / "store", made))
    sql = "SELECT count(*) AS words, count(DISTINCT job_id) AS jobs FROM words"
    before = answered(ecg("query", sql, "--csv", "--out", place))
    assert "nothing to compact" in answered(ecg("compact", "--out", place))
    assert "words 2026-03-05: 3 files are one" in answered(ecg("compact", "--older", "0", "--out", place))
    assert answered(ecg("query", sql, "--csv", "--out", place)) == before == "words,jobs\n18,3\n"


def test_a_day_that_is_left_to_somebody_else_is_named(ecg: Ecg, tmp_path: Path) -> None:
    """`ecg compact` says which table's day another holds, and that it should be run again."""
    made = [factory.analysis(6, seed=seed, created_at="2026-03-05T08:00:00Z") for seed in range(2)]
    place = corpus.publish(tmp_path / "store", made)
    with claimed(FolderStore(place), layout.rewriting("words", "2026-03-05")):
        said = answered(ecg("compact", "--older", "0", "--out", str(place)))
    assert "words 2026-03-05 is left as it was: somebody else is rewriting it" in said
    assert "turns 2026-03-05: 2 files are one" in said and "run it again" in said
    assert "words 2026-03-05: 2 files are one" in answered(ecg("compact", "--older", "0", "--out", str(place)))


def test_the_help_of_questions_names_every_table(ecg: Ecg) -> None:
    """Who asks for help with `ecg query` learns all tables that there are."""
    said = ecg("query", "--help").out
    assert [name for name in TABLES if name not in said] == []
