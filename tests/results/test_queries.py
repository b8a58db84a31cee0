"""The ready SQL of docs/queries.md and the DDL of docs/athena.sql."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import sqlglot
from sqlglot import exp

from ecg_audio.results import queries
from ecg_audio.results.columns import type_name
from ecg_audio.results.schemas import TABLES
from tests.support.results import corpus, factory

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "queries.md").read_text(encoding="utf-8")
TITLED = re.compile(r"^#{2,3} (?P<title>[^\n]+)\n(?:(?!#)[^\n]*\n)*?```sql\n(?P<sql>.*?)```", re.M | re.S)
QUERIES = {found["title"]: found["sql"] for found in TITLED.finditer(PAGE)}
SETUP = re.search(r"```sql setup\n(.*?)```", PAGE, re.S)

TORN = factory.analysis(6, seed=99, created_at="2026-03-05T08:00:00Z")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six published recordings, and one whose publication broke off before the last file."""
    folder = corpus.publish(tmp_path_factory.mktemp("store's"), [*corpus.recordings(), TORN])
    (folder / "features" / "recordings" / "date=2026-03-05" / f"{TORN.job_id}.parquet").unlink()
    return folder


@pytest.fixture
def db(store: Path, duck: "DuckDBPyConnection") -> "DuckDBPyConnection":
    """A connection that sees the tables."""
    return duck.execute(queries.views(str(store)))


def test_the_page_has_queries() -> None:
    """Every SQL block is found by these tests: titled ones, the set-up, and Athena's own."""
    assert len(QUERIES) + PAGE.count("```sql setup") + PAGE.count("```sql athena") == PAGE.count("```sql")
    assert len(QUERIES) >= 12


@pytest.mark.parametrize("title", QUERIES)
def test_each_query_answers(title: str, db: "DuckDBPyConnection") -> None:
    """It runs, returns rows, and no column of the answer is empty throughout."""
    answer = db.execute(QUERIES[title]).fetchall()
    assert answer
    for column in zip(*answer, strict=True):
        assert any(value is not None for value in column)
    assert TORN.job_id not in {value for row in answer for value in row}


def test_the_pages_views_are_the_modules(
    store: Path, duck: "DuckDBPyConnection", monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the page tells a shell to do shows the same rows as `queries.views`."""
    assert SETUP is not None
    monkeypatch.chdir(store)
    counted = []
    for views in (SETUP[1], queries.views(str(store))):
        duck.execute(views)
        counted.append(
            [duck.execute(f"SELECT count(*), count(DISTINCT job_id), min(date) FROM {t}").fetchall() for t in TABLES]
        )
    assert counted[0] == counted[1]


def test_a_torn_publication_does_not_show(db: "DuckDBPyConnection") -> None:
    """Files without a row in recordings are in the store, and in no view."""
    for table in TABLES:
        jobs = {job for (job,) in db.execute(f"SELECT DISTINCT job_id FROM {table}").fetchall()}
        # who speaks alone exchanges nothing
        expected = [one for one in corpus.recordings() if table != "exchanges" or one.exchanges]
        assert jobs == {analysis.job_id for analysis in expected}


def test_average_f0_is_that_of_the_voiced_words(db: "DuckDBPyConnection") -> None:
    """Weighted by voiced time, per speaker, over the words that have F0."""
    answer = {
        (job, speaker): f0_hz for job, speaker, f0_hz, _ in db.execute(QUERIES["Average F0 per speaker"]).fetchall()
    }
    for analysis in corpus.recordings():
        for speaker in analysis.speakers:
            voiced = [
                (word.voice.f0_mean_hz, word.end_s - word.start_s)
                for word in analysis.words
                if word.speaker == speaker.id and word.voice and word.voice.f0_mean_hz is not None
            ]
            expected = sum(f0_hz * length_s for f0_hz, length_s in voiced) / sum(length_s for _, length_s in voiced)
            assert answer[analysis.job_id, speaker.id] == pytest.approx(expected, rel=1e-5)


def test_words_per_minute_are_the_speakers(db: "DuckDBPyConnection") -> None:
    """The tables say the same as the analysis."""
    answer = {row[:2]: row[-1] for row in db.execute(QUERIES["Words per minute per speaker"]).fetchall()}
    assert answer == {
        (analysis.job_id, speaker.id): pytest.approx(speaker.words_per_minute, rel=1e-3)
        for analysis in corpus.recordings()
        for speaker in analysis.speakers
    }


def test_the_loudest_words_are_the_loudest(db: "DuckDBPyConnection") -> None:
    """Ten, in order, and none that is suspect."""
    answer = [row[-1] for row in db.execute(QUERIES["Loudest ten words"]).fetchall()]
    levels = sorted(
        (
            word.voice.rms_dbfs
            for analysis in corpus.recordings()
            for word in analysis.words
            if word.voice and word.voice.rms_dbfs is not None and word.suspect is None
        ),
        reverse=True,
    )
    assert answer == pytest.approx(levels[:10], rel=1e-6)


def test_shares_of_talk_are_whole(db: "DuckDBPyConnection") -> None:
    """The shares of one recording add up to one."""
    shares: dict[str, float] = {}
    for job, _, _, share, _ in db.execute(QUERIES["Share of talk"]).fetchall():
        shares[job] = shares.get(job, 0.0) + share
    assert len(shares) == 6
    assert all(total == pytest.approx(1.0) for total in shares.values())


def test_the_contour_is_the_words_frames(db: "DuckDBPyConnection") -> None:
    """Every 10 ms of the word, with the level that the word has."""
    rows = db.execute(QUERIES["The F0 contour of the loudest word"]).fetchall()
    (loudest,) = db.execute("SELECT max(rms_dbfs), arg_max(end_s - start_s, rms_dbfs) FROM words").fetchall()
    assert len(rows) == pytest.approx(loudest[1] * 100, abs=1)
    assert {row[3] for row in rows[1:-1]} == {loudest[0]}


def test_the_same_voice_is_found_again(db: "DuckDBPyConnection") -> None:
    """The closest pairs across recordings are the same people."""
    cast = {
        (analysis.job_id, f"SPEAKER_{place:02d}"): person
        for analysis, persons in zip(corpus.recordings(), corpus.CASTS, strict=True)
        for place, person in enumerate(persons)
    }
    pairs = db.execute(QUERIES["The same voice elsewhere"]).fetchall()
    same = [cast[row[0], row[1]] == cast[row[2], row[3]] for row in pairs]
    cosines = [row[4] for row in pairs]
    assert all(same[: sum(cosine > 0.7 for cosine in cosines)])
    assert any(same)


def test_bad_recordings_are_left_out(tmp_path: Path) -> None:
    """Words of clipped, faint, noisy and narrow recordings are left out, and clipped words of good ones."""
    duckdb = pytest.importorskip("duckdb")
    good = factory.recording()
    bad = {"source_clipped_ratio": 0.02, "active_level_dbfs": -52.0, "snr_db": 4.0, "bandwidth_hz": 3400.0}
    clean = factory.word("kept", 0.0, 0.3, "A", rms_dbfs=-20.0, clipped_ratio=0.0)
    shouted = factory.word("clipped", 0.4, 0.8, "A", rms_dbfs=-3.0, clipped_ratio=0.4)
    made = [
        factory.analysis([clean, shouted], seed=seed, recording=recording)
        for seed, recording in enumerate(
            [good, *(good.model_copy(update={name: value}) for name, value in bad.items())]
        )
    ]
    with duckdb.connect() as db:
        db.execute(queries.views(str(corpus.publish(tmp_path / "store", made))))
        kept = db.execute(QUERIES["Words of good recordings alone"]).fetchall()
    assert [(row[0], row[2]) for row in kept] == [(made[0].job_id, "kept")]


def test_the_ddl_is_in_step_with_the_schemas() -> None:
    """docs/athena.sql is what `python -m ecg_audio.results.queries` prints."""
    assert (DOCS / "athena.sql").read_text(encoding="utf-8") == queries.athena()


def test_the_ddl_is_what_athena_takes() -> None:
    """A parser of its dialect reads every statement: all columns with their types, the date as partition, the views."""
    statements = [one for one in sqlglot.parse(queries.athena(), read="athena") if one is not None]
    assert all(isinstance(one, exp.Create) for one in statements)
    made = {one.this.find(exp.Table).sql(): one for one in statements if one.args["kind"] != "DATABASE"}
    assert len(made) == 2 * len(TABLES)
    for name, schema in TABLES.items():
        table, view = made[f"ecg.{name}_files"], made[f"ecg.{name}"]
        declared = [(one.name, _athena(one.args["kind"])) for one in table.this.expressions]
        assert declared == [(field.name, type_name(field.type)) for field in schema]
        partition = table.find(exp.PartitionedByProperty).find(exp.ColumnDef)
        assert (partition.name, _athena(partition.args["kind"])) == ("date", "date")
        assert view.args["kind"] == "VIEW" and f"ecg.{name}_files" in {one.sql() for one in view.find_all(exp.Table)}


def _athena(kind: exp.DataType) -> str:
    """A parsed type as Hive's DDL spells it."""
    return kind.sql(dialect="hive").lower()


def test_the_ddls_comments_are_what_athena_takes() -> None:
    """Plain ASCII, no quote or semicolon inside a comment, none too long."""
    ddl = queries.athena()
    assert ddl.isascii()
    for comment in re.findall(r"COMMENT '([^\n]*)'", ddl):
        assert not set("';\\") & set(comment)
        assert len(comment) < 256
