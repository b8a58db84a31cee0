import json
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto.server import ThreadedMotoServer

from ecg_audio.batch import rows as batch
from ecg_audio.batch.rows import Row, rows
from ecg_audio.errors import EcgError, InvalidRequest, SourceInvalid, SourceNotFound


def read(path: Path, text: str | bytes, **options: object) -> list[Row]:
    """The rows of a list with this text."""
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return rows([str(path)], options, here=False)


def complaints(found: list[Row]) -> dict[str, str]:
    """The rows that are wrong: line -> what is wrong."""
    return {row.where.rpartition(" ")[2]: row.error.message for row in found if row.error}


def test_a_csv_names_request_fields(tmp_path: Path) -> None:
    """Columns are fields, dots lead into parts, empty cells leave the options be, names are relative to the list."""
    found = read(
        tmp_path / "a.csv",
        "\ufeffsource,language,speakers,callback.base_url\r\na b.mp4,ko,2,http://backend\r\n/x/c.mp4,,,\r\n",
        language="en",
    )
    first, second = (row.request for row in found)
    assert first and first.source == str(tmp_path / "a b.mp4") and (first.language, first.speakers) == ("ko", 2)
    assert first.callback and first.callback.base_url == "http://backend"
    assert second and (second.source, second.language, second.callback) == ("/x/c.mp4", "en", None)


def test_bad_rows_are_named_by_line_and_stop_nothing(tmp_path: Path) -> None:
    """A cell over several lines counts as its lines do; each bad row says where it is and what is wrong."""
    found = read(
        tmp_path / "a.csv",
        'source,speakers,job_id\n"a\nb",1,\nc.mp4,none,\nd.mp4,1,../up\n,1,x\ne.mp4,1,e,surplus\n\nf.mp4,1,f\n'
        "ftp://x/y.mp4,,\n",
    )
    assert complaints(found) == {
        "2": "source: holds control characters",
        "4": "speakers: Input should be a valid integer, unable to parse string as an integer",
        "5": "job_id: must be 1 to 128 letters, digits, '.', '_' or '-', and begin and end with one of the first two",
        "6": "source: Field required",
        "7": "4 cells, and 3 columns",
        "10": "sources of the scheme ftp: are never opened",
    }
    assert [row.request.job_id for row in found if row.request] == ["f"]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "no column 'source'"),
        ("url\na.mp4\n", "no column 'source'"),
        ("source,colour\na.mp4,red\n", "there is no field colour"),
        ("source,source\na,b\n", "source is there twice"),
        ("source,callback,callback.locale\na,b,ko\n", "callback is there twice"),
        ('source\n"a.mp4\n', "line 2"),
        ("source\n", "no rows"),
        (b"source\n\xff\xfe.mp4\n", "not UTF-8"),
    ],
)
def test_a_list_that_cannot_be_read_stops_the_batch(tmp_path: Path, text: str | bytes, complaint: str) -> None:
    """A wrong header, an open quote or another encoding is an error before anything is begun."""
    with pytest.raises(EcgError, match=complaint):
        read(tmp_path / "a.csv", text)


def test_jsonl_takes_objects_and_strings(tmp_path: Path) -> None:
    """Each line is a request or a source; other JSON, unknown fields and broken lines are bad rows."""
    lines = [
        json.dumps({"source": "/a.mp4", "limits": {"max_duration_s": 60}}),
        '"/b.mp4"',
        "",
        "[1]",
        '{"source": "/c.mp4", "color": 1}',
        "{",
        "[" * 100_000,
    ]
    found = read(tmp_path / "a.jsonl", "\n".join(lines))
    first, second = (row.request for row in found if row.request)
    assert (first.limits.max_duration_s, second.source) == (60.0, "/b.mp4")
    assert list(complaints(found)) == ["4", "5", "6", "7"]


def test_job_ids_follow_from_what_is_asked(tmp_path: Path) -> None:
    """The same row has the same id whenever it is read; another option, another id; names become safe ones."""
    (one,), (again,) = (rows(["/데이터/강의 1 (final).mp4"], {}, here=False) for _ in range(2))
    (other,) = rows(["/데이터/강의 1 (final).mp4"], {"language": "ko"}, here=False)
    assert one.request and again.request and other.request
    assert one.request.job_id == again.request.job_id != other.request.job_id
    assert one.request.job_id.startswith("1-final-")
    (elsewhere,) = rows(["/데이터/강의 1 (final).mp4"], {"store": "there"}, here=False)
    assert elsewhere.request and elsewhere.request.job_id == one.request.job_id


def test_one_job_id_stands_for_one_request() -> None:
    """A row that is there twice is done once; the same id for something else is a bad row."""
    found = rows([{"source": "/a.mp4", "job_id": "j"}, {"source": "/a.mp4", "job_id": "j"}], {}, here=False)
    assert len(found) == 1
    found = rows([{"source": "/a.mp4", "job_id": "j"}, {"source": "/b.mp4", "job_id": "j"}], {}, here=False)
    assert found[1].error and found[1].error.message == "job_id: j is that of input 1, for something else"


def test_a_folder_is_its_recordings(tmp_path: Path) -> None:
    """Media files of a folder and its folders, whatever the case of their endings; hidden ones and others are not."""
    for name in ("b.MP4", "deep/a.wav", ".hidden/c.mp4", ".d.mp4", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    found = rows([str(tmp_path)], {}, here=True)
    assert [row.source for row in found] == [str(tmp_path / "b.MP4"), str(tmp_path / "deep/a.wav")]
    (tmp_path / "none").mkdir()
    with pytest.raises(InvalidRequest, match="holds no recordings"):
        rows([str(tmp_path / "none")], {}, here=True)


def test_files_must_be_here_where_the_jobs_run_here(tmp_path: Path) -> None:
    """A missing file is a bad row in this process; another host may have it."""
    missing = str(tmp_path / "none.mp4")
    (here,) = rows([missing], {}, here=True)
    (there,) = rows([missing], {}, here=False)
    assert isinstance(here.error, SourceNotFound) and there.error is None


def test_what_is_shown_holds_no_signature() -> None:
    """Credentials and queries of addresses are in the request alone, also of addresses that cannot be used."""
    shown = [
        row.source
        for row in rows(
            [
                "https://u:secret@example.org/a.mp4?X-Amz-Signature=secret",
                "ftp://u:secret@h/a?key=secret",
                "http://[::1",
            ],
            {},
            here=False,
        )
    ]
    assert shown == ["https://example.org/a.mp4", "ftp://h/a", "http:..."]


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    """An S3 server with a bucket of recordings and others."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {
            "AWS_ENDPOINT_URL_S3": f"http://{host}:{port}",
            "AWS_ACCESS_KEY_ID": "k",
            "AWS_SECRET_ACCESS_KEY": "s",
            "AWS_DEFAULT_REGION": "us-east-1",
        }.items():
            patch.setenv(name, value)
        client = boto3.client("s3")
        client.create_bucket(Bucket="media")
        for key in ("in/회의 1.mp4", "in/deep/a+b.wav", "in/empty.mp4", "in/notes.txt", "out/c.mp4"):
            client.put_object(Bucket="media", Key=key, Body=b"" if "empty" in key else b"x")
        client.put_object(Bucket="media", Key="in/list.csv", Body="source\n회의 1.mp4\n/abs.mp4\n".encode())
        yield "media"
    server.stop()


def test_an_s3_prefix_is_its_recordings(bucket: str) -> None:
    """Objects that end as recordings do and are not empty, under their very keys."""
    found = rows([f"s3://{bucket}/in/"], {}, here=False)
    assert [row.request.source for row in found if row.request] == [
        "s3://media/in/deep/a+b.wav",
        "s3://media/in/회의 1.mp4",
    ]


def test_a_list_may_lie_in_s3(bucket: str) -> None:
    """Names in it are keys beside it."""
    found = rows([f"s3://{bucket}/in/list.csv"], {}, here=False)
    assert [row.request.source for row in found if row.request] == ["s3://media/in/회의 1.mp4", "/abs.mp4"]


@pytest.mark.usefixtures("bucket")
def test_what_is_not_in_s3_is_named() -> None:
    """No such bucket, list or recording: an error that says so, before anything is begun."""
    for given_uri in ("s3://none/in/", "s3://media/none.csv"):
        with pytest.raises(SourceNotFound):
            rows([given_uri], {}, here=False)
    with pytest.raises(InvalidRequest, match="holds no recordings"):
        rows(["s3://media/none/"], {}, here=False)


def test_a_list_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither bytes nor rows are taken without end."""
    monkeypatch.setattr(batch, "MOST_LIST_BYTES", 100)
    monkeypatch.setattr(batch, "MOST_ROWS", 3)
    with pytest.raises(SourceInvalid, match="larger than"):
        read(tmp_path / "a.csv", "source\n" + "x" * 100)
    with pytest.raises(InvalidRequest, match="more than 3 rows"):
        read(tmp_path / "b.csv", "source\n/a\n/b\n/c\n/d\n")


@given(st.binary(max_size=200), st.sampled_from([".csv", ".jsonl"]))
def test_no_list_breaks_the_reader(tmp_path_factory: pytest.TempPathFactory, content: bytes, ending: str) -> None:
    """Whatever bytes a list holds, there are rows, or an error with a name."""
    path = tmp_path_factory.getbasetemp() / f"any{ending}"
    path.write_bytes(b"source,job_id\n" * (ending == ".csv") + content)
    try:
        found = rows([str(path)], {}, here=False)
    except EcgError:
        return
    assert all((row.request is None) != (row.error is None) for row in found)
