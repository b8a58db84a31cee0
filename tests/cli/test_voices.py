"""`ecg voices`: people who are known by their voices, from the command line."""

from pathlib import Path

from blocks import known_voices
from blocks.folder import FolderStore
from tests.blocks.test_known_voices import found_in, shapes, store  # noqa: F401 - a fixture
from tests.support.commands import Ecg


def test_a_voice_comes_is_listed_and_goes(ecg: Ecg, store: FolderStore, tmp_path: Path) -> None:  # noqa: F811
    """Added by the name that captions show, listed without its vector, forgotten by either command; no other is."""
    here = ("--out", str(store.folder))
    added = ecg("voices", "add", "[b]Sheila[/b]", "job-0001", "Speaker 1", *here)
    assert (added.code, added.err) == (0, "") and "[b]Sheila[/b] is known by 6.0 s" in added.out
    (kept,) = known_voices.known(store)
    listed = ecg("voices", "list", *here)
    assert "[b]Sheila[/b]" in listed.out and not any(part.decode() in listed.out for part in shapes(kept.vector)[-16:])
    assert ecg("forget", "--voice", "[B]sheila[/b]", *here).code == 0
    assert found_in(tmp_path, shapes(kept.vector)) == []
    gone = ecg("voices", "remove", "Sheila", *here)
    assert gone.code == 2 and "VOICE_UNKNOWN" in gone.err
    little = ecg("voices", "add", "Bob", "job-0001", "SPEAKER_01", *here)
    assert little.code == 2 and "1.0 s" in little.err
    assert ecg("forget", *here).code == ecg("forget", "job", "--voice", "Bob", *here).code == 2
