"""The result: what was said, by whom, when and how.

Every value in these models was measured or is absent: `None` means "not measured" and nothing else. Times are seconds
from the start of the recording, levels are dBFS, frequencies Hz. The models are frozen; they cross process and task
boundaries as JSON.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

SCHEMA_VERSION = "2.3"

Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Timing = Literal["aligned", "interpolated", "engine"]
VolumeCategory = Literal["low", "medium", "high", "emphasis"]
RelativeVolume = Literal["whisper", "soft", "normal", "loud", "shout"]
EmotionLabel = Literal["joy", "sadness", "anger", "fear", "surprise", "disgust", "neutral"]
Task = Literal["transcribe", "translate"]
Writer = Literal["machine", "person"]
NamedBy = Literal["person", "voice"]
EventKind = Literal["pause", "laughter", "applause", "music", "noise", "tone", "crosstalk"]
EventSource = Literal["frames", "recogniser", "diarization", "classifier"]
ExchangeKind = Literal["gap", "overlap", "interruption", "backchannel", "attempt"]
MixName = Literal["only", "centre", "channel", "mean", "difference", "sum"]

LOOPING = "looping text"
"""Why a word is suspect that a recogniser wrote going in circles: nobody may have said it, so captions leave it out."""


class Model(BaseModel):
    """A frozen value that refuses fields it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Notice(Model):
    """Something a reader of the result should know: modest models, a missing part, a damaged file."""

    code: str
    message: str


# What the stages hand on


class Media(Model):
    """A media file at hand. `sha256` is of its bytes, `path` is local to the machine that fetched it."""

    path: str
    sha256: str
    size_bytes: int
    name: str  # for people: the file name or the title, never trusted for anything
    notices: tuple[Notice, ...] = ()


class Span(Model):
    """A stretch of time."""

    start_s: Seconds
    end_s: Seconds


class Channel(Model):
    """A channel of a source in which one person speaks, alone: 16 kHz mono FLAC in the artifact store under `key`.

    Where only somebody else is heard, faintly, the FLAC is silent: `crosstalk_db` is how much fainter than in their own
    channel; None: nobody else is heard.
    """

    number: int  # in the source, counted from 0
    key: str
    gain_db: float = 0.0
    clipped: tuple[Span, ...] = ()
    active_level_dbfs: float | None = None
    crosstalk_db: float | None = None


class Recording(Model):
    """Audio extracted from a media file: 16 kHz mono FLAC in the artifact store under `key`.

    The FLAC is the source's channels, weighted by `channel_weights` and added, less `offset_removed`, times the gain of
    `gain_db`. All levels here and in the rest of the result are those of the mix before that gain: dBFS are the
    source's own, and above 0 where a float source goes there.
    """

    key: str
    sha256: str  # of the source's bytes
    duration_s: Seconds
    sample_rate_hz: int
    samples: int
    start_offset_s: Seconds = 0.0  # silence put in front, because the audio track starts late
    container: str
    codec: str
    stream_index: int
    audio_streams: int | None = None  # that the source has; None: an older version did not say
    source_sample_rate_hz: int
    source_channels: int
    channel_layout: str | None = None  # FFmpeg's name
    mix: MixName | None = None
    channel_weights: tuple[float, ...] = ()
    gain_db: float = 0.0
    offset_removed: float = 0.0  # of full scale
    source_peak_dbfs: float | None = None  # None: all is digital silence
    source_clipped_ratio: float | None = None  # share of the source's samples at full scale in runs
    clipped: tuple[Span, ...] = ()  # where
    active_level_dbfs: float | None = None  # of what sounds, pauses left out
    noise_dbfs: float | None = None
    snr_db: float | None = None
    bandwidth_hz: float | None = None
    has_video: bool = False
    channels: tuple[Channel, ...] = ()  # one person each, kept beside the mix; empty: people share the mix
    notices: tuple[Notice, ...] = ()

    @property
    def tracks(self) -> tuple["Recording", ...]:
        """What is listened to: each channel as a recording of its own where one person speaks in each, else itself."""
        if not self.channels:
            return (self,)
        return tuple(
            self.model_copy(
                update={"key": one.key, "gain_db": one.gain_db, "clipped": one.clipped, "channels": (), "notices": ()}
            )
            for one in self.channels
        )


class Speech(Span):
    """A stretch of time in which somebody speaks, with the mean score in [0, 1] of each detector over it."""

    segmentation: float
    silero: float
    channel: int | None = None  # of the source, where one person speaks in each


class Word(Model):
    """One word as recognised.

    `confidence` is the probability that the recogniser wrote the word with, after the words before it; the aligner's
    score where the text is not the recogniser's; in [0, 1], uncalibrated. `timing` says where the times come from.
    `pause_before_s` is the silence between the word before in the recording and this one; None for the first word, and
    where no edges were measured. `suspect` holds a reason when the word should not be trusted.
    """

    text: str
    start_s: Seconds
    end_s: Seconds
    confidence: float | None = None
    timing: Timing = "engine"
    pause_before_s: Seconds | None = None
    suspect: str | None = None


class Utterance(Span):
    """A stretch of recognised speech, before anybody knows who said it.

    `log_probability` is the recogniser's mean per token; None where it gives none. `written` is the text in the parts
    that its tokens make, each with its probability. `language` is what was heard here.
    """

    text: str
    words: tuple[Word, ...]
    language: str | None = None
    log_probability: float | None = None
    written: tuple[tuple[str, float], ...] = ()
    suspect: str | None = None
    channel: int | None = None  # of the source, where one person speaks in each


class Transcript(Model):
    """What speech recognition found. No utterances means that no speech was found."""

    model: str  # the model that really ran
    language: str  # that is spoken, by most of the time; "und" where nothing is
    language_probability: float | None = None  # None: the language was given or is the model's only one
    task: Task = "transcribe"  # translate: the text is in English, whatever is spoken
    utterances: tuple[Utterance, ...]
    speech: tuple[Speech, ...]  # where voices were detected; two touch where another detector hears them from there on
    notices: tuple[Notice, ...] = ()


class Turn(Span):
    """A stretch in which one speaker talks. Turns of different speakers may overlap.

    `voice` is measured over all of it; None: not measured (yet).
    """

    speaker: str
    voice: "VoiceFeatures | None" = None


class VoiceTrack(Model):
    """How alike the sound around each moment is to each speaker's voice, whether or not a turn was found there.

    `similarity` has, for each speaker, the cosine of windows of `window_s` centred at `first_s` and each `hop_s` from
    there on, in two decimals; None where nothing sounds.
    """

    first_s: Seconds = 0.0
    hop_s: float
    window_s: float
    similarity: dict[str, tuple[float | None, ...]]


class Diarization(Model):
    """Who spoke when. `exclusive` has at most one speaker at any time: words are attributed by it."""

    model: str
    turns: tuple[Turn, ...]
    exclusive: tuple[Turn, ...]
    embeddings: dict[str, tuple[float, ...]] = {}  # speaker -> unit vector; empty when the model gives none
    voices: VoiceTrack | None = None  # None: the pipeline gives none
    notices: tuple[Notice, ...] = ()


class VoiceVectors(Model):
    """Unit vectors of voices in their order; None where too little sounds. Those of two encoders cannot be compared."""

    encoder: str  # digest of what made them
    vectors: tuple[tuple[float, ...] | None, ...] = Field(repr=False)  # nothing for a log


# How it was said


class VoiceFeatures(Model):
    """How a span (word, segment, turn, speaker, recording) sounded, measured from its samples.

    F0 figures are over voiced 10 ms frames only and absent when no frame is voiced. Spectral figures are means over
    frames above the silence floor. `mfcc` holds 13 means. `silence_ratio` is the share of frames below the absolute
    floor; `clipped_ratio` of those above it in which the source is clipped: levels and timbre are then of the clipped
    sound. `volume_category` is by absolute RMS dBFS. `volume_peaks` is for drawing: 10 to 200 peak levels in [0, 1].
    Formants, cepstral peak, jitter and shimmer are means over voiced frames; the last two want at least ten of them.
    How far each figure can be trusted is in docs/features.md.
    """

    rms: float | None = None
    rms_dbfs: float | None = None
    peak_dbfs: float | None = None
    f0_mean_hz: float | None = None
    f0_std_hz: float | None = None
    f0_min_hz: float | None = None
    f0_max_hz: float | None = None
    f0_median_hz: float | None = None
    f0_p20_hz: float | None = None
    f0_p80_hz: float | None = None
    f0_slope_st_per_s: float | None = None
    f0_declination_st_per_s: float | None = None
    f0_range_st: float | None = None
    voiced_fraction: float | None = None
    hnr_db: float | None = None
    cpp_db: float | None = None
    jitter_local: float | None = None
    jitter_rap: float | None = None
    jitter_ppq5: float | None = None
    shimmer_local: float | None = None
    shimmer_apq3: float | None = None
    shimmer_apq11: float | None = None
    shimmer_db: float | None = None
    f1_hz: float | None = None
    f1_bandwidth_hz: float | None = None
    f2_hz: float | None = None
    f2_bandwidth_hz: float | None = None
    f3_hz: float | None = None
    f3_bandwidth_hz: float | None = None
    loudness_sone: float | None = None
    alpha_ratio_db: float | None = None
    hammarberg_index_db: float | None = None
    slope_0_500_db_per_hz: float | None = None
    slope_500_1500_db_per_hz: float | None = None
    spectral_flux: float | None = None
    spectral_centroid_hz: float | None = None
    spectral_rolloff_hz: float | None = None
    spectral_flatness: float | None = None
    zero_crossing_rate: float | None = None
    mfcc: tuple[float, ...] | None = None
    silence_ratio: float | None = None
    clipped_ratio: float | None = None
    words_per_s: float | None = None
    syllable_peaks_per_s: float | None = None
    volume_category: VolumeCategory | None = None
    volume_peaks: tuple[float, ...] | None = None


class RelativeVoice(Model):
    """How a word or segment compares with its own speaker's others of its kind; absent where they are too few."""

    loudness_z: float | None = None
    loudness_percentile: float | None = None
    f0_z: float | None = None
    f0_percentile: float | None = None
    f0_shift_st: float | None = None  # semitones above the speaker's median
    rate_z: float | None = None
    volume: RelativeVolume | None = None


class Emphasis(Model):
    """How a word differs from what was to be expected of its speaker at its place in the phrase: styles captions.

    The first three are measured, the others judge them from -1 to 1, where 0 is as usual: see `voice.emphasis`.
    """

    loudness_db: float | None = None
    pitch_st: float | None = None
    length_ratio: float | None = None  # times the length to be expected
    louder: float | None = None  # below 0: softer
    higher: float | None = None  # below 0: lower
    slower: float | None = None  # below 0: quicker; by the length and by how fast the sound changes


class Emotion(Model):
    """What an emotion model heard.

    `confidence` is the model's own probability of `label`; a model that hears dimensions alone gives neither.
    """

    label: EmotionLabel | None = None
    confidence: float | None = None
    valence: float | None = None
    arousal: float | None = None
    model: str


class SpokenWord(Word):
    """A word with its speaker (None: nobody is known there) and its voice.

    `speaker_confidence` is the probability of the speaker in the model of `speech.attribution`, uncalibrated.
    `written_by` says whose word it is: the recogniser's, or that of a person who corrected it.
    """

    written_by: Writer = "machine"

    speaker: str | None = None
    speaker_confidence: float | None = None
    voice: VoiceFeatures | None = None
    relative: RelativeVoice | None = None
    emphasis: Emphasis | None = None


class Segment(Model):
    """What one speaker says without a long pause."""

    id: int
    start_s: Seconds
    end_s: Seconds
    speaker: str | None
    text: str
    words: tuple[SpokenWord, ...]
    language: str | None = None  # that is spoken here
    recognised: str | None = None  # what the recogniser wrote, where a person has changed the text
    suspect: str | None = None
    voice: VoiceFeatures | None = None
    relative: RelativeVoice | None = None
    emotion: Emotion | None = None


class VolumeStatistics(Model):
    """Loudness of the words of one recording or speaker, dBFS."""

    min_dbfs: float
    max_dbfs: float
    mean_dbfs: float
    std_db: float
    median_dbfs: float
    p25_dbfs: float
    p75_dbfs: float


class PitchStatistics(Model):
    """F0 over the voiced frames of one recording or speaker, Hz."""

    min_hz: float
    max_hz: float
    mean_hz: float
    std_hz: float
    median_hz: float
    p33_hz: float
    p67_hz: float


class Tempo(Model):
    """How the time of a speaker, or of a whole recording, is shared between talk and pauses of 0.2 s or more.

    Pauses are those between two words of one speaker, silent ones; the lengths' statistics are None where there are
    none. Filled ones ("um") are words, so their time is phonation. They are None where none was written down: a
    recogniser leaves most of them out, so that none in its text says nothing of what was said.
    """

    phonation_s: Seconds  # inside words
    pause_count: int
    pause_s: Seconds
    pause_mean_s: float | None = None
    pause_p25_s: float | None = None
    pause_median_s: float | None = None
    pause_p75_s: float | None = None
    pause_p90_s: float | None = None
    filled_pause_count: int | None = None
    filled_pause_s: float | None = None
    phonation_ratio: float
    speech_pause_ratio: float | None = None
    articulation_syllables_per_s: float | None = None
    speech_syllables_per_s: float | None = None


class Exchange(Model):
    """Somebody begins to talk after or over somebody else.

    `gap`: after. `overlap` and `interruption` (0.5 s and more): over them, and the other ends first. `backchannel`
    (under 1 s) and `attempt`: inside the other's talk, who goes on.
    """

    kind: ExchangeKind
    start_s: Seconds
    speaker: str
    other_speaker: str
    offset_s: float  # from the other's end; below 0 where they overlap
    overlap_s: Seconds
    yielded_by: str | None = None  # who stopped where both talked


class Event(Span):
    """A pause or a sound. `score` is of what found it, in [0, 1], uncalibrated; None where a rule decides."""

    kind: EventKind
    found_by: EventSource
    score: float | None = None


class Naming(Model):
    """Who gave a speaker a name: a person, or a known voice that the speaker's is like.

    `sure`: the name is the speaker's id. A name that is not sure is a suggestion, "maybe Sheila", and the id stays the
    diarizer's. `similarity` is the cosine of the two voices; None where a person said it.
    """

    name: str
    by: NamedBy
    sure: bool = True
    similarity: float | None = None


class Speaker(Model):
    """One voice, over the whole recording. `channel`: of the source, where one person speaks in each.

    `naming`: None where nobody gave the speaker a name, or an older version did not say who.
    """

    id: str
    naming: Naming | None = None
    channel: int | None = None
    speaking_s: Seconds  # by turns, overlap counted
    segments: int
    words: int
    words_per_minute: float | None = None
    tempo: Tempo | None = None
    voice: VoiceFeatures | None = None
    volume: VolumeStatistics | None = None
    pitch: PitchStatistics | None = None
    embedding: tuple[float, ...] | None = None


# What people change


class SegmentEdit(Model):
    """What is said of one segment: its right text, whose it is, or both. An empty text: nothing is said there."""

    text: Annotated[
        str | None, Field(title="Right text", description="All that is said in the segment; empty: nothing.")
    ] = None
    speaker: Annotated[
        str | None, Field(title="Right speaker", description="Whose words they are, as Speaker 1, or a new name.")
    ] = None


class Edits(Model):
    """One person's corrections of a result.

    `speakers` gives speakers other names; two with one name become one. `segments` goes by the segments' ids.
    """

    speakers: Annotated[
        dict[str, str],
        Field(title="Names of speakers", description="New names by those of before: Speaker 1, SPEAKER_00 or a name."),
    ] = {}
    segments: Annotated[
        dict[int, SegmentEdit],
        Field(title="Corrected segments", description="What is corrected, by the number of the segment."),
    ] = {}


class Revision(Model):
    """How a result came from the machine's own: all corrections since, in their order. `number` counts them."""

    number: int
    original_run_id: str
    revised_at: str  # ISO 8601, UTC
    edits: tuple[Edits, ...]


# The whole


class StageRecord(Model):
    """How a stage went in this run. `duration_s` is None where nothing ran (cached, skipped)."""

    name: str
    status: Literal["completed", "cached", "failed", "skipped"]
    duration_s: float | None = None
    real_time_ratio: float | None = None  # recording seconds per second of work
    peak_resident_bytes: int | None = None  # of the process that holds the stage's models
    peak_gpu_bytes: int | None = None  # taken on the whole device; None where no GPU works
    gpu_utilisation_percent: float | None = None  # mean while the stage's models worked
    error_code: str | None = None


class Analysis(Model):
    """Everything that was found in one recording."""

    schema_version: str = SCHEMA_VERSION
    job_id: str
    run_id: str
    tries: int = 1  # how often the run was begun until it got here; whatever was lost before is no part of this
    status: Literal["completed", "partial"]
    created_at: str  # ISO 8601, UTC
    source: str  # the file name, key or address, without credentials or query
    title: str
    software_version: str
    recording: Recording
    models_requested: str  # auto, embedded, or a name
    transcription_model: str
    diarization_model: str | None
    emotion_model: str | None = None
    language: str
    language_requested: str
    language_probability: float | None = None
    task: Task = "transcribe"  # translate: the text is in English, `language` is the one that is spoken
    initial_prompt: str | None = None  # what the recogniser was led by
    hotwords: str | None = None
    segments: tuple[Segment, ...]
    turns: tuple[Turn, ...]
    speakers: tuple[Speaker, ...]
    events: tuple[Event, ...] | None = None  # pauses and sounds, in order of time; None: not looked for
    event_kinds: tuple[EventKind, ...] = ()  # that were looked for: of others nothing is known
    event_model: str | None = None  # the sound classifier that ran
    exchanges: tuple[Exchange, ...] | None = None  # in order of time; None: nobody was told apart, or an older version
    tempo: Tempo | None = None
    voice: VoiceFeatures | None = None
    volume: VolumeStatistics | None = None
    pitch: PitchStatistics | None = None
    stages: tuple[StageRecord, ...]
    notices: tuple[Notice, ...]
    revision: Revision | None = None  # None: nobody has corrected it

    @property
    def words(self) -> tuple[SpokenWord, ...]:
        """All words, in the order of their segments."""
        return tuple(word for segment in self.segments for word in segment.words)

    @property
    def text_language(self) -> str:
        """ISO 639 code of the language that the text is written in."""
        return "en" if self.task == "translate" else self.language

    @property
    def text(self) -> str:
        """The transcript as one string."""
        return " ".join(segment.text for segment in self.segments)


# The 10 ms frames

FRAME_HOP_S = 0.01
LOW_VOICE_HZ = 160.0
"""Voices whose median F0 is below have their formants below 5 kHz, others, of shorter vocal tracts, below 5.5 kHz."""
FRAME_COLUMNS: dict[str, str] = {
    # name -> unit, in table order; float32, NaN (in memory) and NULL (in Parquet) where not measurable
    "rms": "1",
    "rms_dbfs": "dBFS",
    "peak": "1",
    "zero_crossing_rate": "1/sample",
    "spectral_centroid_hz": "Hz",
    "spectral_rolloff_hz": "Hz",
    "spectral_flatness": "1",
    "hnr_db": "dB",
    "f0_hz": "Hz",
    "f0_strength": "1",
    "clipped_ratio": "1",
    **{f"mfcc_{index:02d}": "1" for index in range(13)},
    "loudness_sone": "sone",
    "alpha_ratio_db": "dB",
    "hammarberg_index_db": "dB",
    "slope_0_500_db_per_hz": "dB/Hz",
    "slope_500_1500_db_per_hz": "dB/Hz",
    "spectral_flux": "1",
    "cpp_db": "dB",
    "jitter_local": "1",
    "jitter_rap": "1",
    "jitter_ppq5": "1",
    "shimmer_local": "1",
    "shimmer_apq3": "1",
    "shimmer_apq11": "1",
    "shimmer_db": "dB",
    # whose ceiling fits is known once the speaker is: below 5 kHz for low voices, below 5.5 kHz for high ones
    **{
        f"f{number}{part}_below_{ceiling}_hz": "Hz"
        for ceiling in (5000, 5500)
        for number in (1, 2, 3)
        for part in ("", "_bandwidth")
    },
}
