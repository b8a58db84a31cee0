"""What each field of the result means and in which unit: said once, for the JSON Schema and the tables."""

from collections.abc import MutableMapping
from typing import Any, NamedTuple


class Meaning(NamedTuple):
    """A field's unit ("1" for a bare number, "" for text) and one sentence about it.

    The sentence also becomes a comment in Athena's DDL: ASCII, without apostrophes and semicolons.
    """

    unit: str
    description: str


SUFFIXES = {
    # the longest that fits wins
    "_st_per_s": "semitone/s",
    "_db_per_hz": "dB/Hz",
    "_sone": "sone",
    "_per_s": "1/s",
    "_per_minute": "1/min",
    "_dbfs": "dBFS",
    "_bytes": "byte",
    "_percentile": "percent",
    "_db": "dB",
    "_hz": "Hz",
    "_st": "semitone",
    "_s": "s",
    "_z": "standard deviations",
    "_at": "",
}

MEANINGS: dict[str, Meaning] = {
    # identity
    "job_id": Meaning("", "The job: the same job analysed again replaces its rows."),
    "run_id": Meaning("", "The run of the pipeline that made this."),
    "segment_id": Meaning("", "Number of the segment in its job, from 0: words join on job_id and segment_id."),
    "word_index": Meaning("", "Number of the word in its segment, from 0."),
    "frame_speaker": Meaning(
        "", "Who talks alone at the centre of the frame, absent where nobody or several people talk."
    ),
    "turn_index": Meaning("", "Number of the turn in its job, from 0, in order of time."),
    "speaker": Meaning("", "Name of the speaker in this job, such as SPEAKER_00, absent where nobody is known."),
    # what was said
    "text": Meaning("", "The words as recognised."),
    "language": Meaning("", "ISO 639 code of the language that is spoken, und where nothing is."),
    "language_probability": Meaning("1", "Probability of the language, by the recogniser, absent if it was given."),
    "confidence": Meaning("1", "What the model itself says, in [0, 1], uncalibrated."),
    "timing": Meaning("", "Where the times come from: aligned (forced alignment), interpolated (estimated), engine."),
    "pause_before_s": Meaning("s", "Silence since the word before in the recording, absent for the first word."),
    "speaker_confidence": Meaning("1", "How sure it is who said it, in [0, 1], uncalibrated, absent if not known."),
    "written_by": Meaning("", "Whose word it is: of the recogniser (machine), or of a person who corrected it."),
    "recognised": Meaning("", "What the recogniser wrote, where a person has changed the text."),
    "revised_at": Meaning("", "When this was corrected last (ISO 8601, UTC)."),
    "suspect": Meaning("", "Why this should not be trusted (no speech heard there, looping), absent if it can be."),
    "log_probability": Meaning("1", "Mean log probability of a token, by the recogniser."),
    "segmentation": Meaning("1", "Mean score of the segmentation model over the span, in [0, 1]."),
    "silero": Meaning("1", "Mean score of Silero's voice detection over the span, in [0, 1]."),
    "start_s": Meaning("s", "Start, from the start of the recording."),
    "end_s": Meaning("s", "End, from the start of the recording."),
    "time_s": Meaning("s", "Centre of the 10 ms frame, from the start of the recording."),
    # level
    "rms": Meaning("1", "Root mean square of the samples, 1.0 being full scale."),
    "rms_dbfs": Meaning("dBFS", "Root mean square level."),
    "peak": Meaning("1", "Largest absolute sample, 1.0 being full scale."),
    "peak_dbfs": Meaning("dBFS", "Level of the largest absolute sample."),
    "silence_ratio": Meaning("1", "Share of frames below the absolute silence floor."),
    "volume_category": Meaning("", "By RMS level: low < -35 <= medium < -25 <= high < -15 <= emphasis (dBFS)."),
    "volume_peaks": Meaning("1", "Peak levels in [0, 1] at even steps through the span, for drawing."),
    "clipped_ratio": Meaning("1", "Share of the audible frames in which the source is clipped."),
    # pitch
    "f0_hz": Meaning("Hz", "Fundamental frequency, absent where the frame is unvoiced."),
    "f0_strength": Meaning("1", "Height of the autocorrelation peak that F0 was read from, in [0, 1]."),
    "f0_mean_hz": Meaning("Hz", "Mean F0 of the voiced frames, absent if none is voiced."),
    "f0_std_hz": Meaning("Hz", "Standard deviation of F0 over the voiced frames."),
    "f0_min_hz": Meaning("Hz", "Lowest F0 of the voiced frames."),
    "f0_max_hz": Meaning("Hz", "Highest F0 of the voiced frames."),
    "f0_median_hz": Meaning("Hz", "Median F0 of the voiced frames."),
    "f0_p20_hz": Meaning("Hz", "F0 that a fifth of the voiced frames stays below."),
    "f0_p80_hz": Meaning("Hz", "F0 that a fifth of the voiced frames exceeds."),
    "f0_declination_st_per_s": Meaning(
        "semitone/s", "Slope of the lower line of F0: through the voiced frames below the line through all."
    ),
    "f0_slope_st_per_s": Meaning("semitone/s", "Slope of a straight line through F0 over the voiced frames."),
    "f0_range_st": Meaning("semitone", "From the lowest to the highest F0 of the voiced frames."),
    "voiced_fraction": Meaning("1", "Share of frames that are voiced."),
    "hnr_db": Meaning(
        "dB", "Harmonics-to-noise ratio of the voiced frames, of what lies below 2.5 kHz, fading to 5 kHz."
    ),
    # quality of the voice
    "cpp_db": Meaning("dB", "Cepstral peak prominence: how far the peak of the pitch stands above the cepstrum."),
    "jitter_local": Meaning("1", "Difference of one period of the voice and the next, by their mean."),
    "jitter_rap": Meaning("1", "Difference of a period and the mean of three around it, by that mean."),
    "jitter_ppq5": Meaning("1", "Difference of a period and the mean of five around it, by that mean."),
    "shimmer_local": Meaning("1", "Difference of the amplitudes of one period and the next, by their mean."),
    "shimmer_apq3": Meaning("1", "Difference of the amplitude of a period and the mean of three, by that mean."),
    "shimmer_apq11": Meaning("1", "Difference of the amplitude of a period and the mean of eleven, by that mean."),
    "shimmer_db": Meaning("dB", "Difference of the amplitudes of one period and the next."),
    **{
        f"f{number}_hz": Meaning("Hz", f"Formant {number} (Burg), below 5 kHz for low voices, else 5.5 kHz.")
        for number in (1, 2, 3)
    },
    **{f"f{number}_bandwidth_hz": Meaning("Hz", f"Bandwidth of formant {number}.") for number in (1, 2, 3)},
    **{
        f"f{number}{part}_below_{ceiling}_hz": Meaning(
            "Hz", f"{'Bandwidth of formant' if part else 'Formant'} {number} (Burg) below a ceiling of {ceiling} Hz."
        )
        for ceiling in (5000, 5500)
        for number in (1, 2, 3)
        for part in ("", "_bandwidth")
    },
    "loudness_sone": Meaning("sone", "Loudness, as if the RMS full scale (0 dBFS) were played at 100 dB SPL."),
    "alpha_ratio_db": Meaning("dB", "Power from 1 to 5 kHz over power from 50 Hz to 1 kHz."),
    "hammarberg_index_db": Meaning("dB", "Strongest partial below 2 kHz over the strongest from 2 to 5 kHz."),
    "slope_0_500_db_per_hz": Meaning("dB/Hz", "Slope of the power spectrum in dB from 0 to 500 Hz."),
    "slope_500_1500_db_per_hz": Meaning("dB/Hz", "Slope of the power spectrum in dB from 500 to 1500 Hz."),
    "spectral_flux": Meaning("1", "How far the spectrum, its level taken out, is from that 10 ms before, 0 to 1.41."),
    # timbre
    "spectral_centroid_hz": Meaning("Hz", "Centre of mass of the magnitude spectrum."),
    "spectral_rolloff_hz": Meaning("Hz", "Frequency below which most of the magnitude of the spectrum lies."),
    "spectral_flatness": Meaning("1", "Geometric over arithmetic mean of the power spectrum: 0 a tone, 1 white noise."),
    "zero_crossing_rate": Meaning("1/sample", "Sign changes per sample."),
    "mfcc": Meaning("1", "Means of the 13 mel-frequency cepstral coefficients, from 0."),
    "embedding": Meaning("1", "Voice of the speaker as a unit vector, where the request asked for voice_vectors."),
    # rate
    "words_per_s": Meaning("1/s", "Words by the time in which they were said."),
    "syllable_peaks_per_s": Meaning("1/s", "Syllable-like peaks of loudness by time."),
    "words_per_minute": Meaning("1/min", "Words of the speaker by the time they talked."),
    # against the speaker's own baseline
    "loudness_z": Meaning("standard deviations", "Loudness against the other spans of this kind by the same speaker."),
    "loudness_percentile": Meaning("percent", "Rank of the loudness among the spans of this kind by the same speaker."),
    "f0_z": Meaning("standard deviations", "F0 against the other spans of this kind by the same speaker."),
    "f0_percentile": Meaning("percent", "Rank of F0 among the spans of this kind by the same speaker."),
    "f0_shift_st": Meaning("semitone", "F0 above the median of the speaker."),
    "rate_z": Meaning("standard deviations", "Speaking rate against the other spans of this kind by the same speaker."),
    "volume": Meaning("", "Loudness for the speaker: whisper, soft, normal, loud or shout."),
    # against what was to be expected in the phrase
    "loudness_db": Meaning("dB", "Louder than was to be expected of the speaker at this place of the phrase."),
    "pitch_st": Meaning("semitone", "Higher than was to be expected of the speaker at this place of the phrase."),
    "length_ratio": Meaning("1", "Length of the word by the length to be expected for its letters and place."),
    "louder": Meaning("1", "Emphasis by loudness, from -1 (softer) to 1 (louder), 0 is as usual."),
    "higher": Meaning("1", "Emphasis by pitch, from -1 (lower) to 1 (higher), 0 is as usual."),
    "slower": Meaning("1", "Emphasis by length, from -1 (quicker) to 1 (slower), 0 is as usual."),
    # emotion
    "label": Meaning("", "The emotion the model found likeliest, absent if it hears dimensions alone."),
    "model": Meaning("", "The model that really ran."),
    "valence": Meaning("1", "From -1 (unpleasant) to 1 (pleasant)."),
    "arousal": Meaning("1", "From 0 (calm) to 1 (excited)."),
    # how the time is shared
    "phonation_s": Meaning("s", "Time inside words."),
    "pause_count": Meaning("1", "Silences of 0.2 s or more between two words of one speaker."),
    "pause_s": Meaning("s", "Length of all pauses together."),
    "pause_mean_s": Meaning("s", "Mean length of a pause."),
    "pause_p25_s": Meaning("s", "Length that a quarter of the pauses stays below."),
    "pause_median_s": Meaning("s", "Median length of a pause."),
    "pause_p75_s": Meaning("s", "Length that a quarter of the pauses exceeds."),
    "pause_p90_s": Meaning("s", "Length that a tenth of the pauses exceeds."),
    "filled_pause_count": Meaning(
        "1",
        "Words such as um that were written down: at least so many were said. Absent without any, or without a list.",
    ),
    "filled_pause_s": Meaning("s", "Time inside these words, a part of phonation_s, absent likewise."),
    "phonation_ratio": Meaning("1", "Time inside words by time inside words and pauses."),
    "speech_pause_ratio": Meaning("1", "Time inside words by time inside pauses, absent without a pause."),
    "articulation_syllables_per_s": Meaning("1/s", "Syllable-like peaks inside words by the time inside words."),
    "speech_syllables_per_s": Meaning("1/s", "Syllable-like peaks inside words by the time of words and pauses."),
    "named_by": Meaning("", "Who gave the speaker this name: a person, or a known voice, absent where nobody did."),
    "maybe_name": Meaning("", "Whose known voice it is like, but not enough to be sure."),
    "name_similarity": Meaning("1", "Cosine of the speaker and that known voice, absent where a person gave the name."),
    "channel": Meaning("", "Channel of the source in which the speaker alone speaks, absent where people share one."),
    "exchange_index": Meaning("", "Number of the exchange in its job, from 0, in order of time."),
    "exchange_kind": Meaning(
        "",
        "gap, overlap, interruption (0.5 s or more, the other ends), backchannel (below 1 s) or attempt (longer).",
    ),
    "exchange_start_s": Meaning("s", "When the speaker begins, from the start of the recording."),
    "exchange_speaker": Meaning("", "Who begins."),
    "other_speaker": Meaning("", "Who talked before, or still talks."),
    "offset_s": Meaning("s", "From the end of the other to the beginning, negative where they overlap."),
    "overlap_s": Meaning("s", "How long both talk."),
    "yielded_by": Meaning("", "Who stopped where both talked, absent for gaps and backchannels."),
    # beside words
    "kind": Meaning("", "pause (2 s or more inside talk), laughter, applause, music, noise, tone or crosstalk."),
    "found_by": Meaning(
        "", "What found the event: frames (a rule over the 10 ms frames), recogniser, diarization or classifier."
    ),
    "score": Meaning("1", "What the source itself says, in [0, 1], uncalibrated, absent where a rule decides."),
    "event_index": Meaning("", "Number of the event in its job, from 0, in order of time."),
    "event_kinds": Meaning("", "Kinds of events that were looked for, none where events were not looked for at all."),
    "event_model": Meaning("", "The sound classifier that really ran, absent if none did."),
    "event_count": Meaning("1", "Pauses and sounds found, absent where they were not looked for."),
    # the recording and the run
    "schema_version": Meaning("", "Version of the schema of the result, major.minor."),
    "tries": Meaning("1", "How often the run was begun; more than once where its process or machine was lost."),
    "status": Meaning("", "completed, or partial when a part is missing (the notices say which)."),
    "created_at": Meaning("", "When the result was made, UTC."),
    "source": Meaning("", "The file name, key or address, without credentials or query."),
    "title": Meaning("", "The file name or title, for people."),
    "software_version": Meaning("", "Version of the software that made this."),
    "duration_s": Meaning("s", "Duration."),
    "real_time_ratio": Meaning("1", "Seconds of recording per second of work."),
    "models_requested": Meaning("", "The models that were asked for: auto, embedded, or the name of a Whisper model."),
    "transcription_model": Meaning("", "The recognition model that really ran."),
    "diarization_model": Meaning("", "The diarization model that really ran, absent if none did."),
    "emotion_model": Meaning("", "The emotion model that really ran, absent if none did."),
    "task": Meaning("", "transcribe, or translate: then the text is in English, whatever language is spoken."),
    "initial_prompt": Meaning("", "Text that the recogniser took for what was said before."),
    "hotwords": Meaning("", "Words that the recogniser was told to expect."),
    "peak_resident_bytes": Meaning("byte", "Memory of the process that holds the models of the stage, at most."),
    "peak_gpu_bytes": Meaning("byte", "Memory taken on the whole GPU, at most, absent where none works."),
    "gpu_utilisation_percent": Meaning("percent", "Mean utilisation of the GPU while the models of the stage worked."),
    "language_requested": Meaning("", "The language that was asked for, or auto."),
    "source_sample_rate_hz": Meaning("Hz", "Sample rate of the source, before it was made 16 kHz."),
    "source_channels": Meaning("1", "Channels of the source, before they were mixed."),
    "container": Meaning("", "Container format of the source, as FFmpeg calls it."),
    "codec": Meaning("", "Audio codec of the source, as FFmpeg calls it."),
    "audio_streams": Meaning("1", "Audio streams of the source, of which one was taken."),
    "channel_layout": Meaning("", "Layout of the channels of the source, as FFmpeg calls it."),
    "mix": Meaning(
        "", "How channels became one: only (there is one), centre, channel (one of them), mean, difference or sum."
    ),
    "channel_weights": Meaning("1", "Weights of the channels of the source in the mix, in their order."),
    "gain_db": Meaning("dB", "By how much the stored recording is louder than the mix. Levels are before this gain."),
    "offset_removed": Meaning("1", "Direct current that was taken off, as a share of full scale, with its sign."),
    "source_peak_dbfs": Meaning("dBFS", "Largest absolute sample of the mixed channels, about their offset."),
    "source_clipped_ratio": Meaning("1", "Share of the samples of the mixed channels at full scale in runs."),
    "active_level_dbfs": Meaning("dBFS", "Level of what sounds, pauses left out, after ITU-T P.56."),
    "noise_dbfs": Meaning("dBFS", "Level that a tenth of the 100 ms windows stays below: an estimate of the noise."),
    "snr_db": Meaning("dB", "Active level above the noise, estimated, absent in recordings of less than 2 s."),
    "bandwidth_hz": Meaning("Hz", "Up to where there is sound, at most 8000, absent in recordings of less than 2 s."),
    "segment_count": Meaning("1", "Segments found."),
    "word_count": Meaning("1", "Words found."),
    "speaker_count": Meaning("1", "Speakers found."),
    "work_s": Meaning("s", "Work done in this run: stages side by side both count, cached ones do not."),
    "notice_codes": Meaning("", "Codes of the warnings, such as NO_SPEECH."),
    "sha256": Meaning("", "SHA-256 of the bytes of the source, hexadecimal."),
    "speaking_s": Meaning("s", "How long the speaker talks, overlap counted."),
}

_STATISTICS = {
    "min": "lowest",
    "max": "highest",
    "mean": "mean",
    "std": "standard deviation",
    "median": "median",
    "p25": "25th percentile",
    "p33": "33rd percentile",
    "p67": "67th percentile",
    "p75": "75th percentile",
}


def meaning(name: str) -> Meaning:
    """The unit and description of a field.

    A field without an entry of its own gets its unit from its name's suffix and its description from its name.
    """
    if name in MEANINGS:
        return MEANINGS[name]
    for suffix in sorted(SUFFIXES, key=len, reverse=True):
        if name.endswith(suffix):
            stem = name.removesuffix(suffix)
            return Meaning(SUFFIXES[suffix], f"{_STATISTICS.get(stem) or stem.replace('_', ' ').capitalize()}.")
    return Meaning("", f"{name.replace('_', ' ').capitalize()}.")


def described(properties: MutableMapping[str, Any]) -> None:
    """Put unit and description into a JSON Schema's properties, in place, where the table has them."""
    for name, schema in properties.items():
        if name in MEANINGS and "$ref" not in schema:
            unit, description = MEANINGS[name]
            schema["description"] = f"{description} Unit: {unit}." if unit not in ("", "1") else description
