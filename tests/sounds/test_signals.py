"""Tones, noise and clapping, told by the frames of signals whose answer is known."""

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks import sounds
from ecg_audio.analysis import Span
from ecg_audio.sounds import signals
from ecg_audio.voice import frames

RATE_HZ = 16_000
AT_S, LASTS_S = 2.0, 3.0


def measured(samples: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
    """The frames of a signal."""
    batches = list(frames.measure([samples]))
    return {name: np.concatenate([batch[name] for batch in batches]) for name in signals.COLUMNS}


def in_a_room(sound: NDArray[np.float32]) -> NDArray[np.float32]:
    """A sound two seconds into seven seconds of faint noise."""
    room = np.random.default_rng(5).normal(0, 1e-4, 7 * RATE_HZ).astype(np.float32)
    first = round(AT_S * RATE_HZ)
    room[first : first + len(sound)] += sound
    return room


RULES = {
    "tone": (sounds.tone, signals.steady_tones),
    "noise": (sounds.noise, signals.steady_noise),
    "claps": (sounds.claps, signals.clapping),
    "applause": (sounds.applause, signals.applause),
}


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("seed", range(3))
def test_a_sound_is_found_where_it_is(name: str, seed: int) -> None:
    """One stretch, whose edges are those of the sound to half a second."""
    maker, rule = RULES[name]
    sound = in_a_room(maker(LASTS_S, np.random.default_rng(seed)))
    found = [span for span in rule(measured(sound)) if span.end_s - span.start_s > 1]
    near = [span for span in found if span.start_s < AT_S + LASTS_S and span.end_s > AT_S]
    assert len(near) == 1
    assert near[0].start_s == pytest.approx(AT_S, abs=0.6) and near[0].end_s == pytest.approx(AT_S + LASTS_S, abs=0.6)


@pytest.mark.parametrize("name", RULES)
def test_music_is_none_of_them(name: str) -> None:
    """Notes change, are voiced and ring on: no rule takes them for its sound."""
    music = in_a_room(sounds.music(LASTS_S, np.random.default_rng(1)))
    stretch = Span(start_s=AT_S, end_s=AT_S + LASTS_S)
    for span in RULES[name][1](measured(music)):
        assert min(span.end_s, stretch.end_s) - max(span.start_s, stretch.start_s) < 0.5


@pytest.mark.parametrize("rule", [rule for _, rule in RULES.values()])
def test_nothing_is_found_in_nothing(rule: object) -> None:
    """No frames, and digital silence."""
    for count in (0, 1, 500):
        empty = {name: np.full(count, np.nan, np.float32) for name in signals.COLUMNS}
        assert rule(empty) == []  # type: ignore[operator]


def test_a_recogniser_is_not_believed_against_the_frames() -> None:
    """It writes [Music] over hiss and over a steady tone."""
    stretch = Span(start_s=AT_S, end_s=AT_S + LASTS_S)
    rng = np.random.default_rng(3)
    assert signals.contradicted("music", stretch, measured(in_a_room(sounds.noise(LASTS_S, rng))))
    assert signals.contradicted("music", stretch, measured(in_a_room(sounds.tone(LASTS_S, rng))))
    assert not signals.contradicted("music", stretch, measured(in_a_room(sounds.music(LASTS_S, rng))))


def test_the_burst_with_most_energy_is_the_part_that_was_named() -> None:
    """Of a long stretch with one loud burst, the burst."""
    burst = 0.1 * np.random.default_rng(2).standard_normal(RATE_HZ).astype(np.float32)
    found = signals.loud_part(Span(start_s=0.0, end_s=7.0), measured(in_a_room(burst)))
    assert found.start_s == pytest.approx(AT_S, abs=0.05) and found.end_s == pytest.approx(AT_S + 1, abs=0.05)
