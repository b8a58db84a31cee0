"""Channels that are people: each is kept by itself, at its own level, without what leaks into it from the others."""

import numpy as np
import pytest
import soundfile

from ecg_audio.errors import InvalidRequest
from ecg_audio.media import crosstalk
from ecg_audio.media.decode import channel_path, extract, read, write
from ecg_audio.request import Limits
from tests.support.media.signals import rms_dbfs, voice

RATE_HZ = 16_000
SECONDS = 20.0
TIMES_S = np.arange(round(SECONDS * RATE_HZ)) / RATE_HZ
LINE = 1e-4 * np.random.default_rng(4).standard_normal((3, len(TIMES_S)))
FIRST = voice(SECONDS, RATE_HZ) * (TIMES_S < 11.0)
SECOND = 0.4 * voice(SECONDS, RATE_HZ, f0_hz=210.0) * (TIMES_S > 9.0)
THIRD = 0.5 * voice(SECONDS, RATE_HZ, f0_hz=160.0) * ((TIMES_S > 4.0) & (TIMES_S < 6.0))


def kept(folder, *channels, use="auto", subtype="PCM_24"):
    """The recording made from these channels, and the samples of the mix and of each channel that was kept."""
    path, target = folder / "call.wav", folder / "call.flac"
    soundfile.write(path, np.stack(channels, axis=1), RATE_HZ, subtype)
    recording = write(path, target, "recordings/ab/ab.flac", "ab", Limits(), None, channels=use)
    return recording, read(target), [read(channel_path(target, one.number)) for one in recording.channels]


def leaking(leak_db, delay_s=0.0):
    """A call in which each is heard in the other's channel."""
    late = [np.concatenate([np.zeros(round(delay_s * RATE_HZ)), one])[: len(one)] for one in (FIRST, SECOND)]
    gain = 10 ** (leak_db / 20)
    return FIRST + gain * late[1] + LINE[0], SECOND + gain * late[0] + LINE[1]


def test_each_channel_of_a_call_is_kept_at_its_own_level(tmp_path):
    """Beside the mix lie both channels, sample by sample as in the source, also where both speak at once."""
    recording, _, samples = kept(tmp_path, FIRST + LINE[0], SECOND + LINE[1])
    assert [one.key for one in recording.channels] == [f"recordings/ab/ab.channel{number}.flac" for number in (0, 1)]
    assert [one.crosstalk_db for one in recording.channels] == [None, None]
    for found, truth in zip(samples, (FIRST + LINE[0], SECOND + LINE[1]), strict=True):
        assert len(found) == recording.samples
        assert np.abs(found - truth).max() < 1e-3
    (notice,) = recording.notices
    assert (notice.code, "--channels mixed" in notice.message) == ("CHANNELS_SEPARATE", True)


@pytest.mark.parametrize("delay_s", [0.0, 0.02, 0.3])
@pytest.mark.parametrize("leak_db", [-20.0, -30.0])
def test_a_voice_that_leaks_into_the_other_channel_is_not_heard_twice(tmp_path, leak_db, delay_s):
    """Where only the other's voice is heard in a channel it goes; what is the channel's own stays as it is."""
    recording, _, (first, second) = kept(tmp_path, *leaking(leak_db, delay_s))
    for alone in (second[: 8 * RATE_HZ], first[round(12.5 * RATE_HZ) :]):
        assert rms_dbfs(alone) < rms_dbfs(LINE) + 0.5  # what is left is the line's noise in the pauses
    for found, own in ((first, FIRST), (second, SECOND)):
        loud = np.abs(own) > 0.1 * own.max()
        assert rms_dbfs(found[loud]) == pytest.approx(rms_dbfs(own[loud]), abs=0.3)
    for one in recording.channels:
        assert one.crosstalk_db == pytest.approx(leak_db, abs=3.0)
    assert "dB softer" in recording.notices[0].message


def test_two_who_talk_at_once_are_no_leak():
    """A channel that is softer by 20 dB and speaks at other times too loses nothing."""
    levels = [crosstalk.levels_dbfs([one.astype(np.float32)]) for one in (FIRST + LINE[0], 0.1 * SECOND + LINE[1])]
    for gate in crosstalk.gates(levels):
        assert gate.crosstalk_db is None
        assert gate.frames.all()


def test_an_interpreter_is_no_leak():
    """Somebody who talks while another one talks, softer and all the time, loses nothing."""
    random = np.random.default_rng(7)
    levels = [np.repeat(random.normal(-25.0, 6.0, 250), 8).astype(np.float32) for _ in range(2)]
    for level in levels:
        level[random.random(len(level)) < 0.2] = -80.0
    gates = crosstalk.gates([levels[0], levels[1] - 15.0])
    assert [gate.crosstalk_db for gate in gates] == [None, None]


def test_a_gate_is_the_same_for_blocks_of_any_size():
    """Silence is put in the same places, however the sound is cut."""
    frames = np.repeat([1.0, 0.0, 1.0], 40).astype(np.float32)
    sound = np.ones(120 * crosstalk.FRAME, np.float32)
    gate = crosstalk.Gate(frames, -20.0)
    whole = np.concatenate(list(gate.applied([sound])))
    for size in (1, 163, 4000):
        parts = [sound[at : at + size] for at in range(0, len(sound), size)]
        assert np.array_equal(np.concatenate(list(gate.applied(parts))), whole)
    assert not whole[41 * crosstalk.FRAME : 79 * crosstalk.FRAME].any()
    assert whole[: 39 * crosstalk.FRAME].all()


@pytest.mark.parametrize(
    "channels",
    [
        (FIRST, FIRST),
        (FIRST, -FIRST),
        (FIRST, 0.1 * FIRST),
        (FIRST + SECOND, 0.7 * FIRST + SECOND),
        (FIRST, LINE[0]),
        (FIRST, 0.1 * np.sin(2 * np.pi * 100 * TIMES_S)),
    ],
    ids=["the same", "opposed", "softer", "two voices in a room", "noise", "hum"],
)
def test_other_channels_are_not_taken_for_people(tmp_path, channels):
    """The same sound twice, a room, noise and hum beside a voice: these are mixed."""
    recording, _, samples = kept(tmp_path, *channels)
    assert (recording.channels, samples) == ((), [])
    assert "CHANNELS_SEPARATE" not in [notice.code for notice in recording.notices]


def test_who_wants_a_call_mixed_gets_it_mixed(tmp_path):
    """With `mixed` no channel is kept, and a notice says what there was."""
    recording, mix, samples = kept(tmp_path, FIRST + LINE[0], SECOND + LINE[1], use="mixed")
    assert (recording.channels, samples, len(mix)) == ((), [], recording.samples)
    assert "--channels separate" in recording.notices[0].message


def test_many_channels_are_people_if_the_request_says_so(tmp_path):
    """Three microphones: `auto` mixes them, `separate` keeps each."""
    channels = FIRST + LINE[0], SECOND + LINE[1], THIRD + LINE[2]
    assert kept(tmp_path, *channels)[0].channels == ()
    recording, _, samples = kept(tmp_path, *channels, use="separate")
    assert [one.number for one in recording.channels] == [0, 1, 2]
    assert np.abs(samples[2] - channels[2]).max() < 1e-3


def test_the_same_sound_twice_is_not_two_people(tmp_path):
    """Asked to separate channels that are alike, nothing is said twice, and a notice says why."""
    recording, _, _ = kept(tmp_path, FIRST, 0.5 * FIRST, use="separate")
    assert recording.channels == ()
    assert [notice.code for notice in recording.notices] == ["CHANNELS_ALIKE"]


@pytest.mark.parametrize("count", [1, 17])
def test_channels_that_cannot_be_separated(tmp_path, count):
    """One channel, or more than 16, cannot be taken for one person each: the request is refused."""
    with pytest.raises(InvalidRequest, match="2 to 16 channels"):
        kept(tmp_path, *[FIRST] * count, use="separate")


def test_an_offset_that_is_not_always_there_is_left(tmp_path):
    """A clip with an offset between silences: taken off the whole, the offset would be put into the silences."""
    first = np.where(TIMES_S < 11.0, FIRST + 0.01, 0.0)
    recording, _, samples = kept(tmp_path, first, SECOND)
    assert recording.offset_removed == 0.0
    assert not samples[0][round(11.1 * RATE_HZ) :].any()


def test_a_faint_channel_has_a_gain_of_its_own(tmp_path):
    """One side of a call may be far softer: its recording is raised by itself, and says by how much."""
    recording, _, samples = kept(tmp_path, FIRST, 0.002 * SECOND, use="separate")
    first, second = recording.channels
    assert (first.gain_db, second.gain_db > 20.0) == (0.0, True)
    loud = np.abs(SECOND) > 0.1 * SECOND.max()
    truth_dbfs = rms_dbfs(0.002 * SECOND[loud])
    assert rms_dbfs(samples[1][loud]) - second.gain_db == pytest.approx(truth_dbfs, abs=0.2)
    assert recording.tracks[1].gain_db == second.gain_db


def test_a_child_process_leaves_channels_and_nothing_else(tmp_path):
    """`extract` hands over the mix and each channel, and no half-written file stays."""
    path, target = tmp_path / "call.wav", tmp_path / "out" / "call.flac"
    soundfile.write(path, np.stack([FIRST, SECOND], axis=1), RATE_HZ)
    recording = extract(path, target, key="k.flac", sha256="s", limits=Limits(), channels="auto")
    assert len(recording.channels) == 2
    names = ["call.flac", "call.flac.channel0", "call.flac.channel1"]
    assert sorted(one.name for one in target.parent.iterdir()) == names
