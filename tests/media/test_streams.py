"""Several sound streams: which one is taken, and what is said of the others."""

import numpy as np
import pytest

from tests.support.media.formats import Track, encode
from tests.support.media.signals import extracted, rms_dbfs, voice

VOICE = voice(4.0, f0_hz=140.0)
SILENCE = np.zeros(len(VOICE))
HISS = 0.003 * np.random.default_rng(3).standard_normal(len(VOICE))
TONE = 0.2 * np.sin(2 * np.pi * 300 * np.arange(len(VOICE)) / 16_000)


@pytest.mark.parametrize("first", [SILENCE, HISS, TONE], ids=["silence", "hiss", "tone"])
@pytest.mark.parametrize("place", [1, 2])
def test_a_first_stream_without_a_voice(tmp_path, first, place):
    """Where the default stream carries no voice, the one that does is taken, and a notice says so."""
    tracks = [SILENCE, HISS]
    tracks.insert(place - 1, VOICE)
    path = encode(first, 16_000, tmp_path / "a.mkv", streams=[Track(track) for track in tracks[:2]], audio_codec="flac")
    recording, samples = extracted(path)
    assert (recording.stream_index, recording.audio_streams) == (place, 3)
    assert rms_dbfs(samples) == pytest.approx(rms_dbfs(VOICE), abs=0.2)
    assert [notice.code for notice in recording.notices] == ["AUDIO_STREAMS"]
    assert f"number {place} (counted from 0) was taken, because number 0" in recording.notices[0].message
    assert "--audio-stream" in recording.notices[0].message


def test_a_first_stream_with_a_voice(tmp_path):
    """Where the default stream carries a voice it is taken, and a notice says that there are others."""
    path = encode(VOICE, 16_000, tmp_path / "a.mkv", streams=[Track(np.roll(VOICE, 9))], audio_codec="flac")
    recording, _ = extracted(path)
    assert (recording.stream_index, recording.audio_streams) == (0, 2)
    assert "has 2 audio streams: number 0 (counted from 0) was taken. --audio" in recording.notices[0].message


def test_a_stream_that_was_asked_for(tmp_path):
    """A stream that is asked for is taken, silent or not, and nothing needs to be said."""
    path = encode(SILENCE, 16_000, tmp_path / "a.mkv", streams=[Track(VOICE)], audio_codec="flac")
    recording, samples = extracted(path, audio_stream=0)
    assert recording.stream_index == 0
    assert not samples.any()
    assert recording.notices == ()


def test_no_stream_with_a_voice(tmp_path):
    """Where no stream carries a voice the default one stays."""
    path = encode(HISS, 16_000, tmp_path / "a.mkv", streams=[Track(SILENCE)], audio_codec="flac")
    assert extracted(path)[0].stream_index == 0
