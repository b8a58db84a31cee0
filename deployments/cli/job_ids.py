"""The ids of jobs that nobody named: their source's name, and a number where a result has that name."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import PurePosixPath
from urllib.parse import parse_qs, unquote, urlsplit

from slugify import slugify

from ecg_audio import layout
from ecg_audio.claim import claimed
from ecg_audio.media import source
from ecg_audio.store import ArtifactStore

LONGEST = 60
"""Letters of a source's name; ids may be twice as long, and numbers follow."""
NAMELESS = "recording"
"""For a source whose name has no letter or digit in it."""


def named_after(where: str) -> str:
    """A source's name as a job id: `Two Cities.mp4` is Two-Cities, `회의.mp4` hoeyi; a platform's video is its own id.

    Letters beyond ASCII are written in Latin ones, since ids stand in addresses, keys and names of files. What is
    secret in an address stays out.

    Raises:
        EcgError: it is no source.
    """
    found = source.classify(where)
    name = found.display if isinstance(found, source.FileSource) else _of_address(found.display)
    stem = PurePosixPath(name).stem
    return slugify(stem, lowercase=False, regex_pattern=r"[^A-Za-z0-9_]+", max_length=LONGEST).strip("-_") or NAMELESS


@contextmanager
def unused(store: ArtifactStore, wanted: str) -> Iterator[str]:
    """Yield an id that no result of the store has, and that no other command takes while the context lasts.

    A job that failed has no result: its id is free again, so that the next try goes on under the same one.

    Args:
        store: where the job's result will lie.
        wanted: the id; where it is taken, the first free one of wanted-2, wanted-3, ...

    Raises:
        PublishFailed: the store does not answer.
    """
    for number in count(1):
        job_id = wanted if number == 1 else f"{wanted}-{number}"
        if store.exists(layout.manifest(job_id)):
            continue
        with claimed(store, layout.begun(job_id), renewed=True) as ours:
            if ours and not store.exists(layout.manifest(job_id)):  # nobody published it since we asked
                yield job_id
                return


def _of_address(shown: str) -> str:
    parts = urlsplit(shown)
    path = unquote(parts.path).rstrip("/").rpartition("/")[2]
    return parse_qs(parts.query).get("v", [path or parts.netloc])[0]
