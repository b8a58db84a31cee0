"""`ecg revise` and `ecg analyze`, as their users follow them."""

import shutil
from pathlib import Path

import pytest

from tests.support.commands import Ecg

pytestmark = pytest.mark.usefixtures("stub", "server")


def test_a_revision_is_followed_and_told(ecg: Ecg, talk: Path, tmp_path: Path) -> None:
    """Its stages are told while it works, then its number and what it changed; speakers are called as captions do."""
    assert ecg("analyze", str(talk), "--job-id", "job-1").code == 0
    renamed = ecg("revise", "job-1", "--speaker", "Speaker 1=Sheila")
    assert (renamed.code, "revision 1: 1 name" in renamed.out, "publish completed" in renamed.err) == (0, True, True)
    assert renamed.out.index("revision 1") < renamed.out.index("job-1") and talk.name in renamed.out
    assert "Sheila" in ecg("show", "job-1").out
    undone = ecg("revise", "job-1", "--undo")
    assert "the machine's own result again: 1 name" in undone.out
    unknown = ecg("revise", "job-1", "--speaker", "Speaker 9=Sheila")
    assert unknown.code == 2 and "there are Speaker 1, Speaker 2" in unknown.err
    (tmp_path / "huge.txt").write_bytes(b"x" * 5_000_001)
    huge = ecg("revise", "job-1", "--edits", "huge.txt")
    assert huge.code == 2 and "more than 5 MB are no transcript" in huge.err


def test_of_several_sources_each_line_says_which(ecg: Ecg, talk: Path, tmp_path: Path) -> None:
    """Lines of progress begin with the recording's name, and each outcome has it beside the job's id."""
    other = shutil.copy(talk, tmp_path / "a second.wav")
    ended = ecg("analyze", str(talk), str(other))
    assert ended.code == 0 and all(
        line.startswith((f"{talk.name}: ", "a second.wav: ")) for line in ended.err.splitlines()
    )
    assert "a-second  a second.wav · completed" in ended.out
