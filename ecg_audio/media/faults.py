"""What a reader of the result should know about a recording's sound: its channels, its levels, its streams."""

import math
from collections.abc import Iterator, Sequence

from ecg_audio.analysis import Channel, Notice
from ecg_audio.media.level import Level
from ecg_audio.media.mixdown import DecodedSource
from ecg_audio.request import Channels
from ecg_audio.sound_quality import FAINT_DBFS, MUCH_CLIPPED, MUCH_OFFSET, percent

ABOVE_DB = 1.0
"""Decoders of lossy codecs overshoot full scale a little all the time; the gain takes care of it."""


def faults(
    name: str, heard: DecodedSource, level: Level, *, asked: bool, apart: Sequence[Channel] = (), use: Channels = "auto"
) -> Iterator[Notice]:
    """The notices, each with its figures.

    Args:
        name: of the source, for people.
        heard: the source as it was decoded.
        level: of the recording.
        asked: the request named the audio stream.
        apart: channels that are kept one by one.
        use: what the request says of channels.
    """
    yield from _streams(name, heard, asked=asked)
    yield from _separate(name, heard, apart, use) if heard.separate or use == "separate" else _mix(name, heard)
    if heard.sound.media.stale_bytes:
        yield Notice(
            code="MEDIA_SIZE_STALE",
            message=f"The header of {name} tells of {heard.sound.media.stale_bytes} bytes less than there are: it was "
            "read to its end.",
        )
    if abs(heard.offset) >= MUCH_OFFSET:
        yield Notice(
            code="SOUND_OFFSET",
            message=f"{name} has an offset of {100 * heard.offset:+.1f} % of full scale (direct current): it was taken "
            "off before anything was measured.",
        )
    share = heard.sound.meter.clipped_share(heard.mix.used)
    if share >= MUCH_CLIPPED:
        yield Notice(
            code="SOUND_CLIPPED",
            message=f"{name} is clipped: {percent(share)} of its samples lie in runs at full scale. Levels and timbre "
            "of the words there are those of the clipped sound.",
        )
    above_db = 20.0 * math.log10(max(heard.source_peak, 1e-9))
    # a decoder rounds clipped tops by as much: that is no recording above full scale
    if above_db > ABOVE_DB and (share < MUCH_CLIPPED or heard.sound.media.chosen.codec.startswith("pcm_f")):
        yield Notice(
            code="SOUND_SCALED",
            message=f"{name} goes {above_db:.1f} dB above full scale: the recording was made {-heard.gain_db:.1f} dB "
            "softer as a whole; all levels are those of the source.",
        )
    if level.active_dbfs is not None and level.active_dbfs < FAINT_DBFS:
        yield Notice(
            code="SOUND_FAINT",
            message=f"{name} is very faint: {level.active_dbfs:.0f} dBFS where something sounds. The recording was "
            f"made {heard.gain_db:.1f} dB louder as a whole; all levels are those of the source.",
        )


def _streams(name: str, heard: DecodedSource, *, asked: bool) -> Iterator[Notice]:
    media = heard.sound.media
    if len(media.streams) < 2 or asked:
        return
    chosen = media.chosen
    why = ""
    if heard.unheard:
        why = f", because number {heard.unheard[0]}, the default, carries no voice"
    yield Notice(
        code="AUDIO_STREAMS",
        message=f"{name} has {len(media.streams)} audio streams: number {chosen.index} (counted from 0) was "
        f"taken{why}. --audio-stream takes another.",
    )


def _separate(name: str, heard: DecodedSource, apart: Sequence[Channel], use: Channels) -> Iterator[Notice]:
    count = {2: "two"}.get(len(heard.mix.names), str(len(heard.mix.names)))
    if not heard.separate:
        yield Notice(
            code="CHANNELS_ALIKE",
            message=f"The {count} channels of {name} hold the same sound, so they do not tell who speaks: voices were "
            "told apart as in a mix.",
        )
    elif apart:
        why = "as asked" if use == "separate" else "because they hold different voices, as those of calls do"
        leaks = [f"{-one.crosstalk_db:.0f} dB softer in number {one.number}" for one in apart if one.crosstalk_db]
        silenced = f" Others are heard {' and '.join(leaks)}, which was made silent." if leaks else ""
        unasked = "" if use == "separate" else " --channels mixed tells voices apart instead."
        yield Notice(
            code="CHANNELS_SEPARATE",
            message=f"Each of the {count} channels of {name} was taken for one speaker, {why}.{silenced}{unasked}",
        )
    else:
        yield Notice(
            code="CHANNELS_SEPARATE",
            message=f"The two channels of {name} hold different voices, as those of calls do: they were mixed, and "
            "voices told apart. --channels separate takes each channel for one speaker.",
        )


def _mix(name: str, heard: DecodedSource) -> Iterator[Notice]:
    mix = heard.mix
    if mix.name == "difference":
        yield Notice(
            code="CHANNELS_OPPOSED",
            message=f"Channels of {name} are in opposite phase, so that their mean cancels: their difference was "
            "taken.",
        )
    elif mix.name == "channel":
        alone = mix.used[0]
        why = "the voice is there"
        if heard.voiced_channels > 1:
            why = "the voice reaches the others at other times, so that their mean would change its level"
        called = "" if mix.names[alone] == "NONE" else f", {mix.names[alone]},"
        yield Notice(
            code="CHANNEL_CHOSEN",
            message=f"Of the {len(mix.names)} channels of {name} number {alone} (counted from 0){called} alone was "
            f"taken: {why}.",
        )
