"""Many channels become one: nothing cancels, nothing drowns, and levels are those of the voice's channel."""

import av
import numpy as np
import pytest
import soundfile

from ecg_audio.analysis import Recording
from ecg_audio.media.mixing import Mix, mixed
from ecg_audio.media.survey import Survey
from tests.support.media.signals import extracted, rms_dbfs, voice

RATE_HZ = 48_000
SECONDS = 6.0
QUIET = 1e-4 * np.random.default_rng(9).standard_normal(round(SECONDS * RATE_HZ))
VOICE = voice(SECONDS, RATE_HZ)
OTHER = np.roll(voice(SECONDS, RATE_HZ, f0_hz=210.0), RATE_HZ)
HISS = 0.1 * np.random.default_rng(8).standard_normal(len(VOICE))
HUM = 0.3 * np.sin(2 * np.pi * 100 * np.arange(len(VOICE)) / RATE_HZ)


def surrounded(centre, path, layout="5.1", others=QUIET):
    """A FLAC in a surround layout, whose channels FFmpeg names."""
    names = [channel.name for channel in av.AudioLayout(layout).channels]
    planes = np.stack([centre if name == "FC" else others for name in names])
    with av.open(str(path), "w") as target:
        stream = target.add_stream("flac", rate=RATE_HZ, layout=layout)
        samples = np.ascontiguousarray((planes.T * 32767).astype(np.int16).reshape(1, -1))
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout=layout)
        frame.sample_rate, frame.pts = RATE_HZ, 0
        fifo = av.AudioFifo()
        fifo.write(frame)
        while piece := fifo.read(min(4096, fifo.samples or 1), partial=True):
            target.mux(stream.encode(piece))
        target.mux(stream.encode(None))
    return path


def side_by_side(path, *channels):
    """A WAV of these channels."""
    soundfile.write(path, np.stack(channels, axis=1), RATE_HZ, "PCM_24")
    return path


def checked(path, mix, code) -> tuple[Recording, np.ndarray]:
    """The recording, whose level is that of the one voice within 0.2 dB, with this mix and this notice alone."""
    recording, samples = extracted(path)
    assert (recording.mix, [notice.code for notice in recording.notices]) == (mix, [code] if code else [])
    assert rms_dbfs(samples) == pytest.approx(rms_dbfs(VOICE), abs=0.2)
    return recording, samples


@pytest.mark.parametrize(
    ("channels", "mix", "code", "weights"),
    [
        ((VOICE,), "only", None, (1.0,)),
        ((VOICE, VOICE), "mean", None, (0.5, 0.5)),
        ((VOICE, 0.95 * VOICE), "mean", None, None),
        ((VOICE, -VOICE), "difference", "CHANNELS_OPPOSED", (0.5, -0.5)),
        ((VOICE, -0.95 * VOICE), "difference", "CHANNELS_OPPOSED", None),
        ((VOICE + QUIET, -VOICE + np.roll(QUIET, 77)), "difference", "CHANNELS_OPPOSED", None),
        ((VOICE, 0 * VOICE), "channel", "CHANNEL_CHOSEN", (1.0, 0.0)),
        ((QUIET, VOICE), "channel", "CHANNEL_CHOSEN", (0.0, 1.0)),
        ((HISS, VOICE), "channel", "CHANNEL_CHOSEN", (0.0, 1.0)),
        ((HUM, VOICE), "channel", "CHANNEL_CHOSEN", (0.0, 1.0)),
        ((QUIET, QUIET, QUIET, VOICE), "channel", "CHANNEL_CHOSEN", (0.0, 0.0, 0.0, 1.0)),
    ],
    ids=[
        "mono", "same", "nearly same", "opposed", "nearly opposed", "opposed with noise", "left", "right",
        "hiss left", "hum left", "last of four",
    ],
)  # fmt: skip
def test_the_mix_follows_the_voice(tmp_path, channels, mix, code, weights):
    """Whatever the other channels hold, the voice comes out at the level it has in its own, and the mix is named."""
    recording, _ = checked(side_by_side(tmp_path / "a.wav", *channels), mix, code)
    assert weights is None or recording.channel_weights == pytest.approx(weights, abs=0.005)
    assert recording.source_channels == len(recording.channel_weights) == len(channels)


def test_a_voice_for_a_small_part_of_the_time(tmp_path):
    """One word in a minute is enough to see that the channels are in opposite phase, and how loud it is."""
    rare = np.zeros(60 * RATE_HZ)
    rare[50 * RATE_HZ : 50 * RATE_HZ + RATE_HZ] = VOICE[:RATE_HZ]
    noise = np.random.default_rng(5).standard_normal((2, len(rare))) * 1e-4
    recording, samples = extracted(side_by_side(tmp_path / "a.wav", rare + noise[0], -0.95 * rare + noise[1]))
    assert recording.mix == "difference"
    assert rms_dbfs(samples[50 * 16000 : 51 * 16000]) == pytest.approx(rms_dbfs(VOICE[:RATE_HZ]), abs=0.1)


def test_hiss_is_left_out_of_pauses_too(tmp_path):
    """Where the voice pauses, its channel's own quiet is heard and not the other channel's hiss."""
    _, samples = checked(side_by_side(tmp_path / "a.wav", HISS, VOICE), "channel", "CHANNEL_CHOSEN")
    levels = [rms_dbfs(part + 1e-6) for part in np.array_split(samples, 300)]
    assert min(levels) < -60


@pytest.mark.parametrize("others", [QUIET, HISS], ids=["quiet", "hiss"])
@pytest.mark.parametrize("layout", ["5.1", "5.1(side)", "7.1", "3.0"])
def test_dialogue_in_the_centre(tmp_path, layout, others):
    """In a surround layout the centre is taken, by its name, at its own level, whatever is around it."""
    recording, _ = checked(surrounded(VOICE, tmp_path / "a.flac", layout, others), "centre", None)
    assert recording.channel_layout == layout
    assert sorted(recording.channel_weights)[-1] == 1.0


def test_a_surround_layout_whose_centre_is_empty(tmp_path):
    """Where nothing is in the centre, the channels that carry the voice are taken."""
    path = surrounded(0 * VOICE, tmp_path / "a.flac", others=VOICE)
    recording, _ = checked(path, "mean", None)
    weights = dict(
        zip([channel.name for channel in av.AudioLayout("5.1").channels], recording.channel_weights, strict=True)
    )
    assert weights["FC"] == weights["LFE"] == 0.0


def test_a_voice_in_each_channel(tmp_path):
    """A recorded call, one person a channel: both keep their own levels, and a notice says that channels are people."""
    path = side_by_side(tmp_path / "a.wav", VOICE * (np.arange(len(VOICE)) < 3 * RATE_HZ), 0.5 * OTHER)
    recording, samples = extracted(path)
    assert recording.mix == "sum"
    assert [notice.code for notice in recording.notices] == ["CHANNELS_SEPARATE"]
    alone = slice(4 * 16000, 5 * 16000)
    truth = 0.5 * OTHER[4 * RATE_HZ : 5 * RATE_HZ]
    assert rms_dbfs(samples[alone]) == pytest.approx(rms_dbfs(truth), abs=0.3)


def test_two_microphones_apart(tmp_path):
    """Where a voice reaches two microphones at different times, their mean would thin it out: one is taken."""
    late = round(0.0012 * RATE_HZ)
    path = side_by_side(tmp_path / "a.wav", VOICE + QUIET, 0.9 * np.roll(VOICE, late) - QUIET)
    recording, _ = checked(path, "channel", "CHANNEL_CHOSEN")
    assert "at other times" in recording.notices[0].message


def test_silence_in_many_channels(tmp_path):
    """Channels of digital silence are their mean, and nothing is said of a voice."""
    recording, samples = extracted(side_by_side(tmp_path / "a.wav", 0 * VOICE, 0 * VOICE))
    assert not samples.any()
    assert (recording.mix, recording.source_peak_dbfs, recording.active_level_dbfs) == ("mean", None, None)
    assert recording.notices == ()


@pytest.mark.parametrize("samples", [2, 50, 700, 3000])
def test_very_short_stereo(tmp_path, samples):
    """Recordings too short for a look at the channels are mixed by what sounds in them."""
    click = 0.5 * (-1.0) ** np.arange(samples)
    recording, got = extracted(side_by_side(tmp_path / "a.wav", click, 0 * click))
    assert recording.mix == "channel"
    assert len(got) == round(samples / 3)


def test_a_mix_is_a_weighted_sum():
    """Weights are applied channel by channel; a block with other channels than the mix knows is their mean."""
    channels = np.array([[1.0, 2.0], [3.0, 5.0]], np.float32)
    assert mixed(channels, Mix((0.5, -0.5), ("FL", "FR"))).tolist() == [-1.0, -1.5]
    assert mixed(channels[:1], Mix((0.5, -0.5), ("FL", "FR"))).tolist() == [1.0, 2.0]
    assert mixed(channels, Mix((1.0,), ("MONO",))).tolist() == [2.0, 3.5]


def test_the_survey_does_not_grow_without_end():
    """However long the recording, a bounded number of figures is kept, from all of it."""
    survey = Survey()
    block = np.random.default_rng(0).standard_normal((64, 4000 * 24)).astype(np.float32)
    for _ in range(10):
        survey.take(block, tuple(map(str, range(64))), 4000)
    survey.finish()
    assert 2_000_000 <= survey.powers.size <= 4_000_000


def test_blocks_of_any_size_are_surveyed_alike():
    """However a source is cut into blocks of whole milliseconds, the survey finds the same voices."""
    stereo = np.stack([VOICE, HISS]).astype(np.float32)
    found = []
    for size in (480, 4800, 96_000):
        survey = Survey()
        for begin in range(0, stereo.shape[1], size):
            survey.take(stereo[:, begin : begin + size], ("FL", "FR"), RATE_HZ)
        survey.finish()
        found.append(survey.voices().tolist())
    assert found[0] == found[1] == found[2]
    assert found[0][0] > 10
    assert found[0][1] == 0
