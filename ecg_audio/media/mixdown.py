"""Decoding a source until it is known how it is to be written: which stream, which mix, which gain.

Most sources are decoded once, into a spool of 16 kHz mono. Only where the channels turn out to want another mix, have
an offset, or another stream carries the voice, is there a second time.
"""

from __future__ import annotations

import errno
import math
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Self

import numpy as np

from ecg_audio.errors import InsufficientResources, InvalidRequest, MediaCorrupt, NotMedia, TooLong
from ecg_audio.media import crosstalk
from ecg_audio.media.container import Opened, opened
from ecg_audio.media.crosstalk import Gate
from ecg_audio.media.flac import HEADROOM, FlacWriter
from ecg_audio.media.level import Level, LevelMeter
from ecg_audio.media.mixing import Mix, are_alike, are_separate, choose
from ecg_audio.media.probe import check_duration
from ecg_audio.media.sound import Sound, unpadded
from ecg_audio.media.survey import Survey
from ecg_audio.media.timeline import Samples
from ecg_audio.progress import Report, silent
from ecg_audio.request import Channels, Limits
from ecg_audio.sampling import RATE_HZ
from ecg_audio.sound_quality import FAINT_DBFS

IN_MEMORY_BYTES = 64_000_000
"""About 17 minutes of spooled sound; more goes to a temporary file beside the target."""
WRITE_SAMPLES = 160_000
LEAST_OFFSET = 1e-3
"""A mean smaller than this (-60 dBFS) is left in: no ear and no model minds it."""
FEWEST_FOR_OFFSET = RATE_HZ // 2
"""The mean of fewer samples, half a second, may be that of a wave cut off in the middle."""
RAISED_DBFS = -30.0
"""A faint recording is raised to this level, where 16 bits hold it as well as its source did ..."""
MOST_GAIN_DB = 50.0
"""... but by no more than this."""
MOST_CHANNELS = 16
"""More than so many are not recognised one by one."""


@dataclass
class DecodedSource:
    """A source that was decoded: its sound in the spool, and what is known of it."""

    sound: Sound
    mix: Mix
    spool: IO[bytes]
    samples: int = 0
    highest: float = 0.0
    lowest: float = 0.0
    scale: float = 1.0  # of the spool's samples, to be those of `mix`
    unheard: tuple[int, ...] = ()  # streams that were passed over because they carry no voice
    separate: bool = False  # two channels hold different voices
    voiced_channels: int = 0  # how many carry a voice
    offset: float = 0.0
    gain_db: float = 0.0
    gate: Gate | None = None  # of a channel: what is left of it
    draft: FlacWriter | None = None  # the spool's samples as they are, until they are scaled

    @property
    def peak(self) -> float:
        """The largest absolute sample of the mix; full scale 1.0."""
        return max(self.highest, -self.lowest, 0.0)

    @property
    def source_peak(self) -> float:
        """The largest absolute sample of the channels in the mix, each about its offset, before resampling."""
        return float(self.sound.meter.peaks()[list(self.mix.used)].max(initial=0.0))

    def write(self, target: Path) -> Level:
        """Write the spool as FLAC, with the gain that it needs.

        Returns:
            Levels of the mix, before the gain.
        """
        level = self._measure()
        self.gain_db = self._gain_db(level.active_dbfs)
        if self.draft and self.scale == 1.0 and not self.gain_db and not self.gate:
            self.draft.close()
            self.draft.path.replace(target)
            return level
        factor = np.float32(10.0 ** (self.gain_db / 20.0))
        flac = FlacWriter(target)
        try:
            for block in self._blocks():
                flac.write(block * factor if self.gain_db else block)
        except BaseException:
            flac.discard()  # its thread would wait for more
            raise
        flac.close()
        return level

    def _measure(self) -> Level:
        meter = LevelMeter()
        for block in self._blocks():
            meter.take(block)
        return meter.level()

    def _gain_db(self, level_dbfs: float | None) -> float:
        """0, unless the sound does not fit below full scale or drowns in the rounding to 16 bits."""
        if self.peak > 1.0:
            return self._room_db()
        if level_dbfs is None or level_dbfs >= FAINT_DBFS:
            return 0.0
        return round(max(0.0, min(RAISED_DBFS - level_dbfs, self._room_db(), MOST_GAIN_DB)), 2)

    def _room_db(self) -> float:
        """The gain with which the largest sample just fits."""
        return math.floor(2000.0 * math.log10(HEADROOM / self.peak)) / 100.0

    def _blocks(self) -> Iterator[Samples]:
        return self.gate.applied(self.blocks()) if self.gate else self.blocks()

    def blocks(self) -> Iterator[Samples]:
        """The sound, 16 kHz mono float32, before gate and gain."""
        self.spool.seek(0)
        while raw := self.spool.read(WRITE_SAMPLES * 4):
            block = np.frombuffer(raw, np.float32)
            yield block if self.scale == 1.0 else block * np.float32(self.scale)


class Mixdown:
    """One source on its way to a recording.

    Args:
        path: a local media file.
        folder: where the spool may go.
        limits: the longest recording allowed.
        audio_stream: the stream asked for; None: the default one, unless another has the voice.
        size_bytes: how many bytes of the file count; None: all.
        report: gets the finished fraction of the first decoding.
        channels: whether channels are people.
    """

    def __init__(
        self,
        path: Path,
        folder: Path,
        limits: Limits,
        audio_stream: int | None,
        size_bytes: int | None,
        report: Report,
        channels: Channels = "auto",
    ) -> None:
        self._path, self._limits, self._size_bytes, self._report = path, limits, size_bytes, report
        self._asked, self._use, self._folder = audio_stream, channels, folder
        self._drafts: list[FlacWriter] = []
        self._spools: list[IO[bytes]] = []
        self._spool = self._new_spool()

    def run(self) -> DecodedSource:
        """Decode until all is known.

        Raises:
            EcgError: see `decode.extract`.
        """
        heard = self._decode(self._asked, None, self._report)
        survey = heard.sound.survey
        if self._asked is None and survey is not None and not survey.voices().any():
            others = self._others(heard.sound.media.chosen.index, len(heard.sound.media.streams))
            if others is not None:
                passed_over = (heard.sound.media.chosen.index,)
                heard = self._decode(others, None, silent)
                heard.unheard, survey = passed_over, heard.sound.survey
        if survey is not None and len(survey.names) > 1:
            heard = self._mixed(heard, survey)
        if self._use == "separate":
            self._check_separable(heard, survey)
        return self._about_zero(heard)

    def apart(self, heard: DecodedSource) -> list[DecodedSource]:
        """Each channel of a source whose channels are people, without what leaks into it from the others.

        Returns:
            nothing, where the channels are no people or nobody wants them apart.
        """
        if not heard.separate or self._use == "mixed":
            return []
        names = heard.mix.names
        offsets = self._offsets(heard)
        channels = [
            self._decode(
                heard.sound.media.chosen.index,
                Mix(tuple(float(index == number) for index in range(len(names))), names),
                silent,
                offsets,
                self._new_spool(),
            )
            for number in range(len(names))
        ]
        gates = crosstalk.gates([crosstalk.levels_dbfs(channel.blocks()) for channel in channels])
        for channel, gate in zip(channels, gates, strict=True):
            channel.gate = gate
        return channels

    @staticmethod
    def _offsets(heard: DecodedSource) -> Samples | None:
        """What is taken off each channel on its own; None: nothing."""
        offsets = heard.sound.meter.offsets().astype(np.float32)
        offsets[np.abs(offsets) < LEAST_OFFSET] = 0.0
        return offsets if offsets.any() and heard.samples >= FEWEST_FOR_OFFSET else None

    def _check_separable(self, heard: DecodedSource, survey: Survey | None) -> None:
        count = heard.sound.media.chosen.channels
        if not 2 <= count <= MOST_CHANNELS:
            raise InvalidRequest(
                f"channels: separate needs 2 to {MOST_CHANNELS} channels; {self._path.name} has {count}",
                hint="Leave the setting at auto.",
            )
        heard.separate = survey is not None and not are_alike(survey)

    def _about_zero(self, heard: DecodedSource) -> DecodedSource:
        """The source less its offsets, if its mix has one: taken off before anything rings at its edges."""
        offsets, weights = heard.sound.meter.offsets(), np.array(heard.mix.weights)
        if len(weights) != len(offsets) or heard.samples < FEWEST_FOR_OFFSET:
            return heard
        offset = float(weights @ offsets)
        if abs(offset) < LEAST_OFFSET:
            return heard
        again = self._decode(heard.sound.media.chosen.index, heard.mix, silent, offsets.astype(np.float32))
        again.unheard, again.separate, again.offset = heard.unheard, heard.separate, round(offset, 6)
        again.voiced_channels = heard.voiced_channels
        return again

    def _mixed(self, heard: DecodedSource, survey: Survey) -> DecodedSource:
        """The source with the mix that its channels ask for."""
        meter = heard.sound.meter
        peaks = meter.peaks()[: len(survey.names)]
        chosen = choose(survey, peaks)
        factor = heard.mix.factor_to(chosen, peaks == 0.0)
        if factor is None:
            again = self._decode(heard.sound.media.chosen.index, chosen, silent)
            again.unheard, heard = heard.unheard, again
        else:
            heard.scale, heard.mix = factor, chosen
            heard.highest, heard.lowest = heard.highest * factor, heard.lowest * factor
        heard.separate = are_separate(survey)
        heard.voiced_channels = int((survey.voices() > 0).sum())
        return heard

    def _others(self, first: int, count: int) -> int | None:
        """Which of the other streams carries most voice; None: none does."""
        most, best = 0, None
        for index in range(count):
            if index == first:
                continue
            survey = Survey()
            try:
                with self._opened(index) as media:
                    for _ in Sound(media, survey=survey).heard():
                        pass
            except (MediaCorrupt, NotMedia):
                continue  # a stream that does not decode is not the one
            survey.finish()
            voices = int(survey.voices().max(initial=0))
            if voices > most:
                most, best = voices, index
        return best

    def _decode(
        self,
        audio_stream: int | None,
        mix: Mix | None,
        report: Report,
        offsets: Samples | None = None,
        spool: IO[bytes] | None = None,
    ) -> DecodedSource:
        draft = None if spool else self._new_draft()
        spool = spool or self._spool
        with self._opened(audio_stream) as media:
            check_duration(media, self._limits)
            if media.chosen.codec == "flac":
                # a frame whose checksum is wrong is noise, not sound
                media.stream.codec_context.options = {"err_detect": "crccheck+explode"}
            asks = mix is None and (media.chosen.channels > 1 or len(media.streams) > 1)
            sound = Sound(media, mix=mix, offsets=offsets, survey=Survey() if asks else None)
            spool.seek(0)
            spool.truncate()
            samples, highest, lowest = 0, -np.inf, np.inf
            longest = (self._limits.max_duration_s + 1.0) * RATE_HZ
            for block in unpadded(sound.blocks(report), media.timing.end_s):
                if not len(block):
                    continue
                samples += len(block)
                if samples > longest:
                    hours = self._limits.max_duration_s / 3600
                    raise TooLong(f"the recording is longer than the limit of {hours:.2f} h")
                highest, lowest = max(highest, float(block.max())), min(lowest, float(block.min()))
                _keep(block, spool)
                if draft:
                    draft.write(block)
            if sound.survey is not None:
                sound.survey.finish()
        chosen = sound.mix or Mix((1.0,), ("MONO",))
        return DecodedSource(sound, chosen, spool, samples, highest, lowest, draft=draft)

    def _opened(self, audio_stream: int | None) -> AbstractContextManager[Opened]:
        return opened(self._path, audio_stream, size_bytes=self._size_bytes)

    def _new_spool(self) -> IO[bytes]:
        spool = tempfile.SpooledTemporaryFile(IN_MEMORY_BYTES, prefix="ecg-sound-", dir=str(self._folder))  # noqa: SIM115 - closed by __exit__
        self._spools.append(spool)
        return spool

    def _new_draft(self) -> FlacWriter:
        """The one that is written from here on; what was decoded before is to be decoded otherwise."""
        self._end_drafts()
        self._drafts.append(FlacWriter(self._folder / f"ecg-sound-{uuid.uuid4().hex[:8]}.flac"))
        return self._drafts[-1]

    def _end_drafts(self) -> None:
        while self._drafts:
            self._drafts.pop().discard()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._end_drafts()
        for spool in self._spools:
            spool.close()


def _keep(block: Samples, spool: IO[bytes]) -> None:
    try:
        spool.write(np.ascontiguousarray(block, np.float32).data)
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise InsufficientResources("the disk is full: the decoded sound does not fit") from error
        raise
