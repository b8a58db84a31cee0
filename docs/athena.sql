-- The tables for Amazon Athena: put your bucket (and prefix) for BUCKET, and run the statements one by one.
-- Generated: python -m ecg_audio.results.queries > docs/athena.sql
--
-- Dates are found by projection: no crawler, no MSCK REPAIR. Change the first date if you have older recordings.
-- Only published rows show in the views: those whose job is in recordings for the same date, which is written last.

CREATE DATABASE IF NOT EXISTS ecg;

CREATE EXTERNAL TABLE IF NOT EXISTS ecg.recordings_files (
    `job_id` string COMMENT 'The job: the same job analysed again replaces its rows.',
    `run_id` string COMMENT 'The run of the pipeline that made this.',
    `status` string COMMENT 'completed, or partial when a part is missing (the notices say which).',
    `created_at` timestamp COMMENT 'When the result was made, UTC.',
    `source` string COMMENT 'The file name, key or address, without credentials or query.',
    `title` string COMMENT 'The file name or title, for people.',
    `source_sha256` string COMMENT 'SHA-256 of the bytes of the source, hexadecimal.',
    `duration_s` double COMMENT 'Duration. [s]',
    `container` string COMMENT 'Container format of the source, as FFmpeg calls it.',
    `codec` string COMMENT 'Audio codec of the source, as FFmpeg calls it.',
    `source_sample_rate_hz` int COMMENT 'Sample rate of the source, before it was made 16 kHz. [Hz]',
    `source_channels` int COMMENT 'Channels of the source, before they were mixed.',
    `audio_streams` int COMMENT 'Audio streams of the source, of which one was taken.',
    `channel_layout` string COMMENT 'Layout of the channels of the source, as FFmpeg calls it.',
    `mix` string COMMENT 'How channels became one: only (there is one), centre, channel (one of them), mean, difference or sum.',
    `channel_weights` array<float> COMMENT 'Weights of the channels of the source in the mix, in their order.',
    `gain_db` float COMMENT 'By how much the stored recording is louder than the mix. Levels are before this gain. [dB]',
    `offset_removed` float COMMENT 'Direct current that was taken off, as a share of full scale, with its sign.',
    `source_peak_dbfs` float COMMENT 'Largest absolute sample of the mixed channels, about their offset. [dBFS]',
    `source_clipped_ratio` float COMMENT 'Share of the samples of the mixed channels at full scale in runs.',
    `active_level_dbfs` float COMMENT 'Level of what sounds, pauses left out, after ITU-T P.56. [dBFS]',
    `noise_dbfs` float COMMENT 'Level that a tenth of the 100 ms windows stays below: an estimate of the noise. [dBFS]',
    `snr_db` float COMMENT 'Active level above the noise, estimated, absent in recordings of less than 2 s. [dB]',
    `bandwidth_hz` float COMMENT 'Up to where there is sound, at most 8000, absent in recordings of less than 2 s. [Hz]',
    `software_version` string COMMENT 'Version of the software that made this.',
    `models_requested` string COMMENT 'The models that were asked for: auto, embedded, or the name of a Whisper model.',
    `transcription_model` string COMMENT 'The recognition model that really ran.',
    `diarization_model` string COMMENT 'The diarization model that really ran, absent if none did.',
    `emotion_model` string COMMENT 'The emotion model that really ran, absent if none did.',
    `language` string COMMENT 'ISO 639 code of the language that is spoken, und where nothing is.',
    `language_requested` string COMMENT 'The language that was asked for, or auto.',
    `task` string COMMENT 'transcribe, or translate: then the text is in English, whatever language is spoken.',
    `language_probability` float COMMENT 'Probability of the language, by the recogniser, absent if it was given.',
    `segment_count` int COMMENT 'Segments found.',
    `word_count` int COMMENT 'Words found.',
    `speaker_count` int COMMENT 'Speakers found.',
    `event_count` int COMMENT 'Pauses and sounds found, absent where they were not looked for.',
    `event_kinds` array<string> COMMENT 'Kinds of events that were looked for, none where events were not looked for at all.',
    `event_model` string COMMENT 'The sound classifier that really ran, absent if none did.',
    `work_s` double COMMENT 'Work done in this run: stages side by side both count, cached ones do not. [s]',
    `notice_codes` array<string> COMMENT 'Codes of the warnings, such as NO_SPEECH.',
    `rms` float COMMENT 'Root mean square of the samples, 1.0 being full scale.',
    `rms_dbfs` float COMMENT 'Root mean square level. [dBFS]',
    `peak_dbfs` float COMMENT 'Level of the largest absolute sample. [dBFS]',
    `f0_mean_hz` float COMMENT 'Mean F0 of the voiced frames, absent if none is voiced. [Hz]',
    `f0_std_hz` float COMMENT 'Standard deviation of F0 over the voiced frames. [Hz]',
    `f0_min_hz` float COMMENT 'Lowest F0 of the voiced frames. [Hz]',
    `f0_max_hz` float COMMENT 'Highest F0 of the voiced frames. [Hz]',
    `f0_median_hz` float COMMENT 'Median F0 of the voiced frames. [Hz]',
    `f0_p20_hz` float COMMENT 'F0 that a fifth of the voiced frames stays below. [Hz]',
    `f0_p80_hz` float COMMENT 'F0 that a fifth of the voiced frames exceeds. [Hz]',
    `f0_slope_st_per_s` float COMMENT 'Slope of a straight line through F0 over the voiced frames. [semitone/s]',
    `f0_declination_st_per_s` float COMMENT 'Slope of the lower line of F0: through the voiced frames below the line through all. [semitone/s]',
    `f0_range_st` float COMMENT 'From the lowest to the highest F0 of the voiced frames. [semitone]',
    `voiced_fraction` float COMMENT 'Share of frames that are voiced.',
    `hnr_db` float COMMENT 'Harmonics-to-noise ratio of the voiced frames, of what lies below 2.5 kHz, fading to 5 kHz. [dB]',
    `cpp_db` float COMMENT 'Cepstral peak prominence: how far the peak of the pitch stands above the cepstrum. [dB]',
    `jitter_local` float COMMENT 'Difference of one period of the voice and the next, by their mean.',
    `jitter_rap` float COMMENT 'Difference of a period and the mean of three around it, by that mean.',
    `jitter_ppq5` float COMMENT 'Difference of a period and the mean of five around it, by that mean.',
    `shimmer_local` float COMMENT 'Difference of the amplitudes of one period and the next, by their mean.',
    `shimmer_apq3` float COMMENT 'Difference of the amplitude of a period and the mean of three, by that mean.',
    `shimmer_apq11` float COMMENT 'Difference of the amplitude of a period and the mean of eleven, by that mean.',
    `shimmer_db` float COMMENT 'Difference of the amplitudes of one period and the next. [dB]',
    `f1_hz` float COMMENT 'Formant 1 (Burg), below 5 kHz for low voices, else 5.5 kHz. [Hz]',
    `f1_bandwidth_hz` float COMMENT 'Bandwidth of formant 1. [Hz]',
    `f2_hz` float COMMENT 'Formant 2 (Burg), below 5 kHz for low voices, else 5.5 kHz. [Hz]',
    `f2_bandwidth_hz` float COMMENT 'Bandwidth of formant 2. [Hz]',
    `f3_hz` float COMMENT 'Formant 3 (Burg), below 5 kHz for low voices, else 5.5 kHz. [Hz]',
    `f3_bandwidth_hz` float COMMENT 'Bandwidth of formant 3. [Hz]',
    `loudness_sone` float COMMENT 'Loudness, as if the RMS full scale (0 dBFS) were played at 100 dB SPL. [sone]',
    `alpha_ratio_db` float COMMENT 'Power from 1 to 5 kHz over power from 50 Hz to 1 kHz. [dB]',
    `hammarberg_index_db` float COMMENT 'Strongest partial below 2 kHz over the strongest from 2 to 5 kHz. [dB]',
    `slope_0_500_db_per_hz` float COMMENT 'Slope of the power spectrum in dB from 0 to 500 Hz. [dB/Hz]',
    `slope_500_1500_db_per_hz` float COMMENT 'Slope of the power spectrum in dB from 500 to 1500 Hz. [dB/Hz]',
    `spectral_flux` float COMMENT 'How far the spectrum, its level taken out, is from that 10 ms before, 0 to 1.41.',
    `spectral_centroid_hz` float COMMENT 'Centre of mass of the magnitude spectrum. [Hz]',
    `spectral_rolloff_hz` float COMMENT 'Frequency below which most of the magnitude of the spectrum lies. [Hz]',
    `spectral_flatness` float COMMENT 'Geometric over arithmetic mean of the power spectrum: 0 a tone, 1 white noise.',
    `zero_crossing_rate` float COMMENT 'Sign changes per sample. [1/sample]',
    `mfcc` array<float> COMMENT 'Means of the 13 mel-frequency cepstral coefficients, from 0.',
    `silence_ratio` float COMMENT 'Share of frames below the absolute silence floor.',
    `clipped_ratio` float COMMENT 'Share of the audible frames in which the source is clipped.',
    `words_per_s` float COMMENT 'Words by the time in which they were said. [1/s]',
    `syllable_peaks_per_s` float COMMENT 'Syllable-like peaks of loudness by time. [1/s]',
    `volume_category` string COMMENT 'By RMS level: low < -35 <= medium < -25 <= high < -15 <= emphasis (dBFS).',
    `volume_peaks` array<float> COMMENT 'Peak levels in [0, 1] at even steps through the span, for drawing.',
    `volume_min_dbfs` float COMMENT 'Loudness of the words: lowest. [dBFS]',
    `volume_max_dbfs` float COMMENT 'Loudness of the words: highest. [dBFS]',
    `volume_mean_dbfs` float COMMENT 'Loudness of the words: mean. [dBFS]',
    `volume_std_db` float COMMENT 'Loudness of the words: standard deviation. [dB]',
    `volume_median_dbfs` float COMMENT 'Loudness of the words: median. [dBFS]',
    `volume_p25_dbfs` float COMMENT 'Loudness of the words: 25th percentile. [dBFS]',
    `volume_p75_dbfs` float COMMENT 'Loudness of the words: 75th percentile. [dBFS]',
    `pitch_min_hz` float COMMENT 'F0 over the voiced frames: lowest. [Hz]',
    `pitch_max_hz` float COMMENT 'F0 over the voiced frames: highest. [Hz]',
    `pitch_mean_hz` float COMMENT 'F0 over the voiced frames: mean. [Hz]',
    `pitch_std_hz` float COMMENT 'F0 over the voiced frames: standard deviation. [Hz]',
    `pitch_median_hz` float COMMENT 'F0 over the voiced frames: median. [Hz]',
    `pitch_p33_hz` float COMMENT 'F0 over the voiced frames: 33rd percentile. [Hz]',
    `pitch_p67_hz` float COMMENT 'F0 over the voiced frames: 67th percentile. [Hz]',
    `tempo_phonation_s` float COMMENT 'Time inside words. [s]',
    `tempo_pause_count` int COMMENT 'Silences of 0.2 s or more between two words of one speaker.',
    `tempo_pause_s` float COMMENT 'Length of all pauses together. [s]',
    `tempo_pause_mean_s` float COMMENT 'Mean length of a pause. [s]',
    `tempo_pause_p25_s` float COMMENT 'Length that a quarter of the pauses stays below. [s]',
    `tempo_pause_median_s` float COMMENT 'Median length of a pause. [s]',
    `tempo_pause_p75_s` float COMMENT 'Length that a quarter of the pauses exceeds. [s]',
    `tempo_pause_p90_s` float COMMENT 'Length that a tenth of the pauses exceeds. [s]',
    `tempo_filled_pause_count` int COMMENT 'Words such as um that were written down: at least so many were said. Absent without any, or without a list.',
    `tempo_filled_pause_s` float COMMENT 'Time inside these words, a part of phonation_s, absent likewise. [s]',
    `tempo_phonation_ratio` float COMMENT 'Time inside words by time inside words and pauses.',
    `tempo_speech_pause_ratio` float COMMENT 'Time inside words by time inside pauses, absent without a pause.',
    `tempo_articulation_syllables_per_s` float COMMENT 'Syllable-like peaks inside words by the time inside words. [1/s]',
    `tempo_speech_syllables_per_s` float COMMENT 'Syllable-like peaks inside words by the time of words and pauses. [1/s]'
)
COMMENT 'One row a job: what was analysed, with what, and how it sounded as a whole.'
PARTITIONED BY (`date` date)
STORED AS PARQUET
LOCATION 's3://BUCKET/features/recordings/'
TBLPROPERTIES (
    'projection.enabled' = 'true',
    'projection.date.type' = 'date',
    'projection.date.format' = 'yyyy-MM-dd',
    'projection.date.range' = '2026-01-01,NOW'
);

CREATE OR REPLACE VIEW ecg.recordings AS
    SELECT * FROM ecg.recordings_files
    WHERE ("$path" NOT LIKE '%/compacted~.parquet'
           OR (job_id, date) NOT IN (SELECT job_id, date FROM ecg.recordings_files WHERE "$path" NOT LIKE '%/compacted~.parquet'));

CREATE EXTERNAL TABLE IF NOT EXISTS ecg.segments_files (
    `job_id` string COMMENT 'The job: the same job analysed again replaces its rows.',
    `segment_id` int COMMENT 'Number of the segment in its job, from 0: words join on job_id and segment_id.',
    `start_s` double COMMENT 'Start, from the start of the recording. [s]',
    `end_s` double COMMENT 'End, from the start of the recording. [s]',
    `speaker` string COMMENT 'Name of the speaker in this job, such as SPEAKER_00, absent where nobody is known.',
    `language` string COMMENT 'ISO 639 code of the language that is spoken, und where nothing is.',
    `text` string COMMENT 'The words as recognised.',
    `word_count` int COMMENT 'Words found.',
    `suspect` string COMMENT 'Why this should not be trusted (no speech heard there, looping), absent if it can be.',
    `rms` float COMMENT 'Root mean square of the samples, 1.0 being full scale.',
    `rms_dbfs` float COMMENT 'Root mean square level. [dBFS]',
    `peak_dbfs` float COMMENT 'Level of the largest absolute sample. [dBFS]',
    `f0_mean_hz` float COMMENT 'Mean F0 of the voiced frames, absent if none is voiced. [Hz]',
    `f0_std_hz` float COMMENT 'Standard deviation of F0 over the voiced frames. [Hz]',
    `f0_min_hz` float COMMENT 'Lowest F0 of the voiced frames. [Hz]',
    `f0_max_hz` float COMMENT 'Highest F0 of the voiced frames. [Hz]',
    `f0_median_hz` float COMMENT 'Median F0 of the voiced frames. [Hz]',
    `f0_p20_hz` float COMMENT 'F0 that a fifth of the voiced frames stays below. [Hz]',
    `f0_p80_hz` float COMMENT 'F0 that a fifth of the voiced frames exceeds. [Hz]',
    `f0_slope_st_per_s` float COMMENT 'Slope of a straight line through F0 over the voiced frames. [semitone/s]',
    `f0_declination_st_per_s` float COMMENT 'Slope of the lower line of F0: through the voiced frames below the line through all. [semitone/s]',
    `f0_range_st` float COMMENT 'From the lowest to the highest F0 of the voiced frames. [semitone]',
    `voiced_fraction` float COMMENT 'Share of frames that are voiced.',
    `hnr_db` float COMMENT 'Harmonics-to-noise ratio of the voiced frames, of what lies below 2.5 kHz, fading to 5 kHz. [dB]',
    `cpp_db` float COMMENT 'Cepstral peak prominence: how far the peak of the pitch stands above the cepstrum. [dB]',
    `jitter_local` float COMMENT 'Difference of one period of the voice and the next, by their mean.',
    `jitter_rap` float COMMENT 'Difference of a period and the mean of three around it, by that mean.',
    `jitter_ppq5` float COMMENT 'Difference of a period and the mean of five around it, by that mean.',
    `shimmer_local` float COMMENT 'Difference of the amplitudes of one period and the next, by their mean.',
    `shimmer_apq3` float COMMENT 'Difference of the amplitude of a period and the mean of three, by that mean.',
    `shimmer_apq11` float COMMENT 'Difference of the amplitude of a period and the mean of eleven, by that mean.',
    `shimmer_db` float COMMENT 'Difference of the amplitudes of one period and the next. [dB]',
    `f1_hz` float COMMENT 'Formant 1 (Burg), below 5 kHz for low voices, else 5.5 kHz. [Hz]',
    `f1_bandwidth_hz` float COMMENT 'Bandwidth of formant 1. [Hz]',
    `f2_hz` float COMMENT 'Formant 2 (Burg), below 5 kHz for low voices, else 5.5 kHz. [Hz]',
    `f2_bandwidth_hz` float COMMENT 'Bandwidth of formant 2. [Hz]',
    `f3_hz` float COMMENT 'Formant 3 (Burg), below 5 kHz for low voices, else 5.5 kHz. [Hz]',
    `f3_bandwidth_hz` float COMMENT 'Bandwidth of formant 3. [Hz]',
    `loudness_sone` float COMMENT 'Loudness, as if the RMS full scale (0 dBFS) were played at 100 dB SPL. [sone]',
    `alpha_ratio_db` float COMMENT 'Power from 1 to 5 kHz over power from 50 Hz to 1 kHz. [dB]',
    `hammarberg_index_db` float COMMENT 'Strongest partial below 2 kHz over the strongest from 2 to 5 kHz. [dB]',
    `slope_0_500_db_per_hz` float COMMENT 'Slope of the power spectrum in dB from 0 to 500 Hz. [dB/Hz]',
    `slope_500_1500_db_per_hz` float COMMENT 'Slope of the power spectrum in dB from 500 to 1500 Hz. [dB/Hz]',
    `spectral_flux` float COMMENT 'How far the spectrum, its level taken out, is from that 10 ms before, 0 to 1.41.',
    `spectral_centroid_hz` float COMMENT 'Centre of mass of the magnitude spectrum. [Hz]',
    `spectral_rolloff_hz` float COMMENT 'Frequency below which most of the magnitude of the spectrum lies. [Hz]',
    `spectral_flatness` float COMMENT 'Geometric over arithmetic mean of the power spectrum: 0 a tone, 1 white noise.',
    `zero_crossing_rate` float COMMENT 'Sign changes per sample. [1/sample]',
    `mfcc` array<float> COMMENT 'Means of the 13 mel-frequency cepstral coefficients, from 0.',
    `silence_ratio` float COMMENT 'Share of frames below the absolute silence floor.',
    `clipped_ratio` float COMMENT 'Share of the audible frames in which the source is clipped.',
    `words_per_s` float COMMENT 'Words by the time in which they were said. [1/s]',
    `syllable_peaks_per_s` float COMMENT 'Syllable-like peaks of loudness by time. [1/s]',
    `volume_category` string COMMENT 'By RMS level: low < -35 <= medium < -25 <= high < -15 <= emphasis (dBFS).',
    `volume_peaks` array<float> COMMENT 'Peak levels in [0, 1] at even steps through the span, for drawing.',
    `relative_loudness_z` float COMMENT 'Loudness against the other spans of this kind by the same speaker. [standard deviations]',
    `relative_loudness_percentile` float COMMENT 'Rank of the loudness among the spans of this kind by the same speaker. [percent]',
    `relative_f0_z` float COMMENT 'F0 against the other spans of this kind by the same speaker. [standard deviations]',
    `relative_f0_percentile` float COMMENT 'Rank of F0 among the spans of this kind by the same speaker. [percent]',
    `relative_f0_shift_st` float COMMENT 'F0 above the median of the speaker. [semitone]',
    `relative_rate_z` float COMMENT 'Speaking rate against the other spans of this kind by the same speaker. [standard deviations]',
    `relative_volume` string COMMENT 'Loudness for the speaker: whisper, soft, normal, loud or shout.',
    `emotion_label` string COMMENT 'The emotion the model found likeliest, absent if it hears dimensions alone.',
    `emotion_confidence` float COMMENT 'What the model itself says, in [0, 1], uncalibrated.',
    `emotion_valence` float COMMENT 'From -1 (unpleasant) to 1 (pleasant).',
    `emotion_arousal` float COMMENT 'From 0 (calm) to 1 (excited).',
    `emotion_model` string COMMENT 'The model that really ran.'
)
COMMENT 'One row for what one speaker says without a long pause.'
PARTITIONED BY (`date` date)
STORED AS PARQUET
LOCATION 's3://BUCKET/features/segments/'
TBLPROPERTIES (
    'projection.enabled' = 'true',
    'projection.date.type' = 'date',
    'projection.date.format' = 'yyyy-MM-dd',
    'projection.date.range' = '2026-01-01,NOW'
);

CREATE OR REPLACE VIEW ecg.segments AS
    SELECT * FROM ecg.segments_files
    WHERE (job_id, date) IN (SELECT job_id, date FROM ecg.recordings)
      AND ("$path" NOT LIKE '%/compacted~.parquet'
           OR (job_id, date) NOT IN (SELECT job_id, date FROM ecg.segments_files WHERE "$path" NOT LIKE '%/compacted~.parquet'));

CREATE EXTERNAL TABLE IF NOT EXISTS ecg.words_files (
    `job_id` string COMMENT 'The job: the same job analysed again replaces its rows.',
    `segment_id` int COMMENT 'Number of the segment in its job, from 0: words join on job_id and segment_id.',
    `word_index` int COMMENT 'Number of the word in its segment, from 0.',
    `start_s` double COMMENT 'Start, from the start of the recording. [s]',
    `end_s` double COMMENT 'End, from the start of the recording. [s]',
    `speaker` string COMMENT 'Name of the speaker in this job, such as SPEAKER_00, absent where nobody is known.',
    `language` string COMMENT 'ISO 639 code of the language that is spoken, und where nothing is.',
    `text` string COMMENT 'The words as recognised.',
    `confidence` float COMMENT 'What the model itself says, in [0, 1], uncalibrated.',
    `timing` string COMMENT 'Where the times come from: aligned (forced alignment), interpolated (estimated), engine.',
    `pause_before_s` double COMMENT 'Silence since the word before in the recording, absent for the first word. [s]',
    `speaker_confidence` float COMMENT 'How sure it is who said it, in [0, 1], uncalibrated, absent if not known.',
    `written_by` string COMMENT 'Whose word it is: of the recogniser (machine), or of a person who corrected it.',
    `suspect` string COMMENT 'Why this should not be trusted (no speech heard there, looping), absent if it can be.',
    `rms` float COMMENT 'Root mean square of the samples, 1.0 being full scale.',
    `rms_dbfs` float COMMENT 'Root mean square level. [dBFS]',
    `peak_dbfs` float COMMENT 'Level of the largest absolute sample. [dBFS]',
    `f0_mean_hz` float COMMENT 'Mean F0 of the voiced frames, absent if none is voiced. [Hz]',
    `f0_std_hz` float COMMENT 'Standard deviation of F0 over the voiced frames. [Hz]',
    `f0_min_hz` float COMMENT 'Lowest F0 of the voiced frames. [Hz]',
    `f0_max_hz` float COMMENT 'Highest F0 of the voiced frames. [Hz]',
    `f0_median_hz` float COMMENT 'Median F0 of the voiced frames. [Hz]',
    `f0_p20_hz` float COMMENT 'F0 that a fifth of the voiced frames stays below. [Hz]',
    `f0_p80_hz` float COMMENT 'F0 that a fifth of the voiced frames exceeds. [Hz]',
    `f0_slope_st_per_s` float COMMENT 'Slope of a straight line through F0 over the voiced frames. [semitone/s]',
    `f0_declination_st_per_s` float COMMENT 'Slope of the lower line of F0: through the voiced frames below the line through all. [semitone/s]',
    `f0_range_st` float COMMENT 'From the lowest to the highest F0 of the voiced frames. [semitone]',
    `voiced_fraction` float COMMENT 'Share of frames that are voiced.',
    `hnr_db` float COMMENT 'Harmonics-to-noise ratio of the voiced frames, of what lies below 2.5 kHz, fading to 5 kHz. [dB]',
    `cpp_db` float COMMENT 'Cepstral peak prominence: how far the peak of the pitch stands above the cepstrum. [dB]',
    `jitter_local` float COMMENT 'Difference of one period of the voice and the next, by their mean.',
    `jitter_rap` float COMMENT 'Difference of a period and the mean of three around it, by that mean.',
    `jitter_ppq5` float COMMENT 'Difference of a period and the mean of five around it, by that mean.',
    `shimmer_local` float COMMENT 'Difference of the amplitudes of one period and the next, by their mean.',
    `shimmer_apq3` float COMMENT 'Difference of the amplitude of a period and the mean of three, by that mean.',
    `shimmer_apq11` float COMMENT 'Difference of the amplitude of a period and the mean of eleven, by that mean.',
    `shimmer_db` float COMMENT 'Difference of the amplitudes of one period and the next. [dB]',
    `f1_hz` float COMMENT 'Formant 1 (Burg), below 5 kHz for low voices, else 5.5 kHz. [Hz]',
    `f1_bandwidth_hz` float COMMENT 'Bandwidth of formant 1. [Hz]',
    `f2_hz` float COMMENT 'Formant 2 (Burg), below 5 kHz for low voices, else 5.5 kHz. [Hz]',
    `f2_bandwidth_hz` float COMMENT 'Bandwidth of formant 2. [Hz]',
    `f3_hz` float COMMENT 'Formant 3 (Burg), below 5 kHz for low voices, else 5.5 kHz. [Hz]',
    `f3_bandwidth_hz` float COMMENT 'Bandwidth of formant 3. [Hz]',
    `loudness_sone` float COMMENT 'Loudness, as if the RMS full scale (0 dBFS) were played at 100 dB SPL. [sone]',
    `alpha_ratio_db` float COMMENT 'Power from 1 to 5 kHz over power from 50 Hz to 1 kHz. [dB]',
    `hammarberg_index_db` float COMMENT 'Strongest partial below 2 kHz over the strongest from 2 to 5 kHz. [dB]',
    `slope_0_500_db_per_hz` float COMMENT 'Slope of the power spectrum in dB from 0 to 500 Hz. [dB/Hz]',
    `slope_500_1500_db_per_hz` float COMMENT 'Slope of the power spectrum in dB from 500 to 1500 Hz. [dB/Hz]',
    `spectral_flux` float COMMENT 'How far the spectrum, its level taken out, is from that 10 ms before, 0 to 1.41.',
    `spectral_centroid_hz` float COMMENT 'Centre of mass of the magnitude spectrum. [Hz]',
    `spectral_rolloff_hz` float COMMENT 'Frequency below which most of the magnitude of the spectrum lies. [Hz]',
    `spectral_flatness` float COMMENT 'Geometric over arithmetic mean of the power spectrum: 0 a tone, 1 white noise.',
    `zero_crossing_rate` float COMMENT 'Sign changes per sample. [1/sample]',
    `mfcc` array<float> COMMENT 'Means of the 13 mel-frequency cepstral coefficients, from 0.',
    `silence_ratio` float COMMENT 'Share of frames below the absolute silence floor.',
    `clipped_ratio` float COMMENT 'Share of the audible frames in which the source is clipped.',
    `words_per_s` float COMMENT 'Words by the time in which they were said. [1/s]',
    `syllable_peaks_per_s` float COMMENT 'Syllable-like peaks of loudness by time. [1/s]',
    `volume_category` string COMMENT 'By RMS level: low < -35 <= medium < -25 <= high < -15 <= emphasis (dBFS).',
    `volume_peaks` array<float> COMMENT 'Peak levels in [0, 1] at even steps through the span, for drawing.',
    `relative_loudness_z` float COMMENT 'Loudness against the other spans of this kind by the same speaker. [standard deviations]',
    `relative_loudness_percentile` float COMMENT 'Rank of the loudness among the spans of this kind by the same speaker. [percent]',
    `relative_f0_z` float COMMENT 'F0 against the other spans of this kind by the same speaker. [standard deviations]',
    `relative_f0_percentile` float COMMENT 'Rank of F0 among the spans of this kind by the same speaker. [percent]',
    `relative_f0_shift_st` float COMMENT 'F0 above the median of the speaker. [semitone]',
    `relative_rate_z` float COMMENT 'Speaking rate against the other spans of this kind by the same speaker. [standard deviations]',
    `relative_volume` string COMMENT 'Loudness for the speaker: whisper, soft, normal, loud or shout.',
    `emphasis_loudness_db` float COMMENT 'Louder than was to be expected of the speaker at this place of the phrase. [dB]',
    `emphasis_pitch_st` float COMMENT 'Higher than was to be expected of the speaker at this place of the phrase. [semitone]',
    `emphasis_length_ratio` float COMMENT 'Length of the word by the length to be expected for its letters and place.',
    `emphasis_louder` float COMMENT 'Emphasis by loudness, from -1 (softer) to 1 (louder), 0 is as usual.',
    `emphasis_higher` float COMMENT 'Emphasis by pitch, from -1 (lower) to 1 (higher), 0 is as usual.',
    `emphasis_slower` float COMMENT 'Emphasis by length, from -1 (quicker) to 1 (slower), 0 is as usual.'
)
COMMENT 'One row a word. The text, its times, where they come from, and how it was said.'
PARTITIONED BY (`date` date)
STORED AS PARQUET
LOCATION 's3://BUCKET/features/words/'
TBLPROPERTIES (
    'projection.enabled' = 'true',
    'projection.date.type' = 'date',
    'projection.date.format' = 'yyyy-MM-dd',
    'projection.date.range' = '2026-01-01,NOW'
);

CREATE OR REPLACE VIEW ecg.words AS
    SELECT * FROM ecg.words_files
    WHERE (job_id, date) IN (SELECT job_id, date FROM ecg.recordings)
      AND ("$path" NOT LIKE '%/compacted~.parquet'
           OR (job_id, date) NOT IN (SELECT job_id, date FROM ecg.words_files WHERE "$path" NOT LIKE '%/compacted~.parquet'));

CREATE EXTERNAL TABLE IF NOT EXISTS ecg.turns_files (
    `job_id` string COMMENT 'The job: the same job analysed again replaces its rows.',
    `turn_index` int COMMENT 'Number of the turn in its job, from 0, in order of time.',
    `speaker` string COMMENT 'Name of the speaker in this job, such as SPEAKER_00, absent where nobody is known.',
    `start_s` double COMMENT 'Start, from the start of the recording. [s]',
    `end_s` double COMMENT 'End, from the start of the recording. [s]',
    `embedding` array<float> COMMENT 'Voice of the speaker as a unit vector, where the request asked for voice_vectors.',
    `rms` float COMMENT 'Root mean square of the samples, 1.0 being full scale.',
    `rms_dbfs` float COMMENT 'Root mean square level. [dBFS]',
    `peak_dbfs` float COMMENT 'Level of the largest absolute sample. [dBFS]',
    `f0_mean_hz` float COMMENT 'Mean F0 of the voiced frames, absent if none is voiced. [Hz]',
    `f0_std_hz` float COMMENT 'Standard deviation of F0 over the voiced frames. [Hz]',
    `f0_min_hz` float COMMENT 'Lowest F0 of the voiced frames. [Hz]',
    `f0_max_hz` float COMMENT 'Highest F0 of the voiced frames. [Hz]',
    `f0_median_hz` float COMMENT 'Median F0 of the voiced frames. [Hz]',
    `f0_p20_hz` float COMMENT 'F0 that a fifth of the voiced frames stays below. [Hz]',
    `f0_p80_hz` float COMMENT 'F0 that a fifth of the voiced frames exceeds. [Hz]',
    `f0_slope_st_per_s` float COMMENT 'Slope of a straight line through F0 over the voiced frames. [semitone/s]',
    `f0_declination_st_per_s` float COMMENT 'Slope of the lower line of F0: through the voiced frames below the line through all. [semitone/s]',
    `f0_range_st` float COMMENT 'From the lowest to the highest F0 of the voiced frames. [semitone]',
    `voiced_fraction` float COMMENT 'Share of frames that are voiced.',
    `hnr_db` float COMMENT 'Harmonics-to-noise ratio of the voiced frames, of what lies below 2.5 kHz, fading to 5 kHz. [dB]',
    `cpp_db` float COMMENT 'Cepstral peak prominence: how far the peak of the pitch stands above the cepstrum. [dB]',
    `jitter_local` float COMMENT 'Difference of one period of the voice and the next, by their mean.',
    `jitter_rap` float COMMENT 'Difference of a period and the mean of three around it, by that mean.',
    `jitter_ppq5` float COMMENT 'Difference of a period and the mean of five around it, by that mean.',
    `shimmer_local` float COMMENT 'Difference of the amplitudes of one period and the next, by their mean.',
    `shimmer_apq3` float COMMENT 'Difference of the amplitude of a period and the mean of three, by that mean.',
    `shimmer_apq11` float COMMENT 'Difference of the amplitude of a period and the mean of eleven, by that mean.',
    `shimmer_db` float COMMENT 'Difference of the amplitudes of one period and the next. [dB]',
    `f1_hz` float COMMENT 'Formant 1 (Burg), below 5 kHz for low voices, else 5.5 kHz. [Hz]',
    `f1_bandwidth_hz` float COMMENT 'Bandwidth of formant 1. [Hz]',
    `f2_hz` float COMMENT 'Formant 2 (Burg), below 5 kHz for low voices, else 5.5 kHz. [Hz]',
    `f2_bandwidth_hz` float COMMENT 'Bandwidth of formant 2. [Hz]',
    `f3_hz` float COMMENT 'Formant 3 (Burg), below 5 kHz for low voices, else 5.5 kHz. [Hz]',
    `f3_bandwidth_hz` float COMMENT 'Bandwidth of formant 3. [Hz]',
    `loudness_sone` float COMMENT 'Loudness, as if the RMS full scale (0 dBFS) were played at 100 dB SPL. [sone]',
    `alpha_ratio_db` float COMMENT 'Power from 1 to 5 kHz over power from 50 Hz to 1 kHz. [dB]',
    `hammarberg_index_db` float COMMENT 'Strongest partial below 2 kHz over the strongest from 2 to 5 kHz. [dB]',
    `slope_0_500_db_per_hz` float COMMENT 'Slope of the power spectrum in dB from 0 to 500 Hz. [dB/Hz]',
    `slope_500_1500_db_per_hz` float COMMENT 'Slope of the power spectrum in dB from 500 to 1500 Hz. [dB/Hz]',
    `spectral_flux` float COMMENT 'How far the spectrum, its level taken out, is from that 10 ms before, 0 to 1.41.',
    `spectral_centroid_hz` float COMMENT 'Centre of mass of the magnitude spectrum. [Hz]',
    `spectral_rolloff_hz` float COMMENT 'Frequency below which most of the magnitude of the spectrum lies. [Hz]',
    `spectral_flatness` float COMMENT 'Geometric over arithmetic mean of the power spectrum: 0 a tone, 1 white noise.',
    `zero_crossing_rate` float COMMENT 'Sign changes per sample. [1/sample]',
    `mfcc` array<float> COMMENT 'Means of the 13 mel-frequency cepstral coefficients, from 0.',
    `silence_ratio` float COMMENT 'Share of frames below the absolute silence floor.',
    `clipped_ratio` float COMMENT 'Share of the audible frames in which the source is clipped.',
    `words_per_s` float COMMENT 'Words by the time in which they were said. [1/s]',
    `syllable_peaks_per_s` float COMMENT 'Syllable-like peaks of loudness by time. [1/s]',
    `volume_category` string COMMENT 'By RMS level: low < -35 <= medium < -25 <= high < -15 <= emphasis (dBFS).',
    `volume_peaks` array<float> COMMENT 'Peak levels in [0, 1] at even steps through the span, for drawing.'
)
COMMENT 'One row a speaker turn. Turns of different speakers may overlap.'
PARTITIONED BY (`date` date)
STORED AS PARQUET
LOCATION 's3://BUCKET/features/turns/'
TBLPROPERTIES (
    'projection.enabled' = 'true',
    'projection.date.type' = 'date',
    'projection.date.format' = 'yyyy-MM-dd',
    'projection.date.range' = '2026-01-01,NOW'
);

CREATE OR REPLACE VIEW ecg.turns AS
    SELECT * FROM ecg.turns_files
    WHERE (job_id, date) IN (SELECT job_id, date FROM ecg.recordings)
      AND ("$path" NOT LIKE '%/compacted~.parquet'
           OR (job_id, date) NOT IN (SELECT job_id, date FROM ecg.turns_files WHERE "$path" NOT LIKE '%/compacted~.parquet'));

CREATE EXTERNAL TABLE IF NOT EXISTS ecg.speakers_files (
    `job_id` string COMMENT 'The job: the same job analysed again replaces its rows.',
    `speaker` string COMMENT 'Name of the speaker in this job, such as SPEAKER_00, absent where nobody is known.',
    `channel` int COMMENT 'Channel of the source in which the speaker alone speaks, absent where people share one.',
    `named_by` string COMMENT 'Who gave the speaker this name: a person, or a known voice, absent where nobody did.',
    `maybe_name` string COMMENT 'Whose known voice it is like, but not enough to be sure.',
    `name_similarity` float COMMENT 'Cosine of the speaker and that known voice, absent where a person gave the name.',
    `speaking_s` double COMMENT 'How long the speaker talks, overlap counted. [s]',
    `segment_count` int COMMENT 'Segments found.',
    `word_count` int COMMENT 'Words found.',
    `words_per_minute` float COMMENT 'Words of the speaker by the time they talked. [1/min]',
    `embedding` array<float> COMMENT 'Voice of the speaker as a unit vector, where the request asked for voice_vectors.',
    `rms` float COMMENT 'Root mean square of the samples, 1.0 being full scale.',
    `rms_dbfs` float COMMENT 'Root mean square level. [dBFS]',
    `peak_dbfs` float COMMENT 'Level of the largest absolute sample. [dBFS]',
    `f0_mean_hz` float COMMENT 'Mean F0 of the voiced frames, absent if none is voiced. [Hz]',
    `f0_std_hz` float COMMENT 'Standard deviation of F0 over the voiced frames. [Hz]',
    `f0_min_hz` float COMMENT 'Lowest F0 of the voiced frames. [Hz]',
    `f0_max_hz` float COMMENT 'Highest F0 of the voiced frames. [Hz]',
    `f0_median_hz` float COMMENT 'Median F0 of the voiced frames. [Hz]',
    `f0_p20_hz` float COMMENT 'F0 that a fifth of the voiced frames stays below. [Hz]',
    `f0_p80_hz` float COMMENT 'F0 that a fifth of the voiced frames exceeds. [Hz]',
    `f0_slope_st_per_s` float COMMENT 'Slope of a straight line through F0 over the voiced frames. [semitone/s]',
    `f0_declination_st_per_s` float COMMENT 'Slope of the lower line of F0: through the voiced frames below the line through all. [semitone/s]',
    `f0_range_st` float COMMENT 'From the lowest to the highest F0 of the voiced frames. [semitone]',
    `voiced_fraction` float COMMENT 'Share of frames that are voiced.',
    `hnr_db` float COMMENT 'Harmonics-to-noise ratio of the voiced frames, of what lies below 2.5 kHz, fading to 5 kHz. [dB]',
    `cpp_db` float COMMENT 'Cepstral peak prominence: how far the peak of the pitch stands above the cepstrum. [dB]',
    `jitter_local` float COMMENT 'Difference of one period of the voice and the next, by their mean.',
    `jitter_rap` float COMMENT 'Difference of a period and the mean of three around it, by that mean.',
    `jitter_ppq5` float COMMENT 'Difference of a period and the mean of five around it, by that mean.',
    `shimmer_local` float COMMENT 'Difference of the amplitudes of one period and the next, by their mean.',
    `shimmer_apq3` float COMMENT 'Difference of the amplitude of a period and the mean of three, by that mean.',
    `shimmer_apq11` float COMMENT 'Difference of the amplitude of a period and the mean of eleven, by that mean.',
    `shimmer_db` float COMMENT 'Difference of the amplitudes of one period and the next. [dB]',
    `f1_hz` float COMMENT 'Formant 1 (Burg), below 5 kHz for low voices, else 5.5 kHz. [Hz]',
    `f1_bandwidth_hz` float COMMENT 'Bandwidth of formant 1. [Hz]',
    `f2_hz` float COMMENT 'Formant 2 (Burg), below 5 kHz for low voices, else 5.5 kHz. [Hz]',
    `f2_bandwidth_hz` float COMMENT 'Bandwidth of formant 2. [Hz]',
    `f3_hz` float COMMENT 'Formant 3 (Burg), below 5 kHz for low voices, else 5.5 kHz. [Hz]',
    `f3_bandwidth_hz` float COMMENT 'Bandwidth of formant 3. [Hz]',
    `loudness_sone` float COMMENT 'Loudness, as if the RMS full scale (0 dBFS) were played at 100 dB SPL. [sone]',
    `alpha_ratio_db` float COMMENT 'Power from 1 to 5 kHz over power from 50 Hz to 1 kHz. [dB]',
    `hammarberg_index_db` float COMMENT 'Strongest partial below 2 kHz over the strongest from 2 to 5 kHz. [dB]',
    `slope_0_500_db_per_hz` float COMMENT 'Slope of the power spectrum in dB from 0 to 500 Hz. [dB/Hz]',
    `slope_500_1500_db_per_hz` float COMMENT 'Slope of the power spectrum in dB from 500 to 1500 Hz. [dB/Hz]',
    `spectral_flux` float COMMENT 'How far the spectrum, its level taken out, is from that 10 ms before, 0 to 1.41.',
    `spectral_centroid_hz` float COMMENT 'Centre of mass of the magnitude spectrum. [Hz]',
    `spectral_rolloff_hz` float COMMENT 'Frequency below which most of the magnitude of the spectrum lies. [Hz]',
    `spectral_flatness` float COMMENT 'Geometric over arithmetic mean of the power spectrum: 0 a tone, 1 white noise.',
    `zero_crossing_rate` float COMMENT 'Sign changes per sample. [1/sample]',
    `mfcc` array<float> COMMENT 'Means of the 13 mel-frequency cepstral coefficients, from 0.',
    `silence_ratio` float COMMENT 'Share of frames below the absolute silence floor.',
    `clipped_ratio` float COMMENT 'Share of the audible frames in which the source is clipped.',
    `words_per_s` float COMMENT 'Words by the time in which they were said. [1/s]',
    `syllable_peaks_per_s` float COMMENT 'Syllable-like peaks of loudness by time. [1/s]',
    `volume_category` string COMMENT 'By RMS level: low < -35 <= medium < -25 <= high < -15 <= emphasis (dBFS).',
    `volume_peaks` array<float> COMMENT 'Peak levels in [0, 1] at even steps through the span, for drawing.',
    `volume_min_dbfs` float COMMENT 'Loudness of the words: lowest. [dBFS]',
    `volume_max_dbfs` float COMMENT 'Loudness of the words: highest. [dBFS]',
    `volume_mean_dbfs` float COMMENT 'Loudness of the words: mean. [dBFS]',
    `volume_std_db` float COMMENT 'Loudness of the words: standard deviation. [dB]',
    `volume_median_dbfs` float COMMENT 'Loudness of the words: median. [dBFS]',
    `volume_p25_dbfs` float COMMENT 'Loudness of the words: 25th percentile. [dBFS]',
    `volume_p75_dbfs` float COMMENT 'Loudness of the words: 75th percentile. [dBFS]',
    `pitch_min_hz` float COMMENT 'F0 over the voiced frames: lowest. [Hz]',
    `pitch_max_hz` float COMMENT 'F0 over the voiced frames: highest. [Hz]',
    `pitch_mean_hz` float COMMENT 'F0 over the voiced frames: mean. [Hz]',
    `pitch_std_hz` float COMMENT 'F0 over the voiced frames: standard deviation. [Hz]',
    `pitch_median_hz` float COMMENT 'F0 over the voiced frames: median. [Hz]',
    `pitch_p33_hz` float COMMENT 'F0 over the voiced frames: 33rd percentile. [Hz]',
    `pitch_p67_hz` float COMMENT 'F0 over the voiced frames: 67th percentile. [Hz]',
    `tempo_phonation_s` float COMMENT 'Time inside words. [s]',
    `tempo_pause_count` int COMMENT 'Silences of 0.2 s or more between two words of one speaker.',
    `tempo_pause_s` float COMMENT 'Length of all pauses together. [s]',
    `tempo_pause_mean_s` float COMMENT 'Mean length of a pause. [s]',
    `tempo_pause_p25_s` float COMMENT 'Length that a quarter of the pauses stays below. [s]',
    `tempo_pause_median_s` float COMMENT 'Median length of a pause. [s]',
    `tempo_pause_p75_s` float COMMENT 'Length that a quarter of the pauses exceeds. [s]',
    `tempo_pause_p90_s` float COMMENT 'Length that a tenth of the pauses exceeds. [s]',
    `tempo_filled_pause_count` int COMMENT 'Words such as um that were written down: at least so many were said. Absent without any, or without a list.',
    `tempo_filled_pause_s` float COMMENT 'Time inside these words, a part of phonation_s, absent likewise. [s]',
    `tempo_phonation_ratio` float COMMENT 'Time inside words by time inside words and pauses.',
    `tempo_speech_pause_ratio` float COMMENT 'Time inside words by time inside pauses, absent without a pause.',
    `tempo_articulation_syllables_per_s` float COMMENT 'Syllable-like peaks inside words by the time inside words. [1/s]',
    `tempo_speech_syllables_per_s` float COMMENT 'Syllable-like peaks inside words by the time of words and pauses. [1/s]'
)
COMMENT 'One row a speaker: how they sounded over the whole recording, and how they share their time.'
PARTITIONED BY (`date` date)
STORED AS PARQUET
LOCATION 's3://BUCKET/features/speakers/'
TBLPROPERTIES (
    'projection.enabled' = 'true',
    'projection.date.type' = 'date',
    'projection.date.format' = 'yyyy-MM-dd',
    'projection.date.range' = '2026-01-01,NOW'
);

CREATE OR REPLACE VIEW ecg.speakers AS
    SELECT * FROM ecg.speakers_files
    WHERE (job_id, date) IN (SELECT job_id, date FROM ecg.recordings)
      AND ("$path" NOT LIKE '%/compacted~.parquet'
           OR (job_id, date) NOT IN (SELECT job_id, date FROM ecg.speakers_files WHERE "$path" NOT LIKE '%/compacted~.parquet'));

CREATE EXTERNAL TABLE IF NOT EXISTS ecg.exchanges_files (
    `job_id` string COMMENT 'The job: the same job analysed again replaces its rows.',
    `exchange_index` int COMMENT 'Number of the exchange in its job, from 0, in order of time.',
    `kind` string COMMENT 'gap, overlap, interruption (0.5 s or more, the other ends), backchannel (below 1 s) or attempt (longer).',
    `start_s` double COMMENT 'When the speaker begins, from the start of the recording. [s]',
    `speaker` string COMMENT 'Who begins.',
    `other_speaker` string COMMENT 'Who talked before, or still talks.',
    `offset_s` double COMMENT 'From the end of the other to the beginning, negative where they overlap. [s]',
    `overlap_s` double COMMENT 'How long both talk. [s]',
    `yielded_by` string COMMENT 'Who stopped where both talked, absent for gaps and backchannels.'
)
COMMENT 'One row each time that somebody begins to talk after or over somebody else, by the turns.'
PARTITIONED BY (`date` date)
STORED AS PARQUET
LOCATION 's3://BUCKET/features/exchanges/'
TBLPROPERTIES (
    'projection.enabled' = 'true',
    'projection.date.type' = 'date',
    'projection.date.format' = 'yyyy-MM-dd',
    'projection.date.range' = '2026-01-01,NOW'
);

CREATE OR REPLACE VIEW ecg.exchanges AS
    SELECT * FROM ecg.exchanges_files
    WHERE (job_id, date) IN (SELECT job_id, date FROM ecg.recordings)
      AND ("$path" NOT LIKE '%/compacted~.parquet'
           OR (job_id, date) NOT IN (SELECT job_id, date FROM ecg.exchanges_files WHERE "$path" NOT LIKE '%/compacted~.parquet'));

CREATE EXTERNAL TABLE IF NOT EXISTS ecg.events_files (
    `job_id` string COMMENT 'The job: the same job analysed again replaces its rows.',
    `event_index` int COMMENT 'Number of the event in its job, from 0, in order of time.',
    `kind` string COMMENT 'pause (2 s or more inside talk), laughter, applause, music, noise, tone or crosstalk.',
    `start_s` double COMMENT 'Start, from the start of the recording. [s]',
    `end_s` double COMMENT 'End, from the start of the recording. [s]',
    `found_by` string COMMENT 'What found the event: frames (a rule over the 10 ms frames), recogniser, diarization or classifier.',
    `score` float COMMENT 'What the source itself says, in [0, 1], uncalibrated, absent where a rule decides.'
)
COMMENT 'One row for each long pause inside talk and each sound other than words.'
PARTITIONED BY (`date` date)
STORED AS PARQUET
LOCATION 's3://BUCKET/features/events/'
TBLPROPERTIES (
    'projection.enabled' = 'true',
    'projection.date.type' = 'date',
    'projection.date.format' = 'yyyy-MM-dd',
    'projection.date.range' = '2026-01-01,NOW'
);

CREATE OR REPLACE VIEW ecg.events AS
    SELECT * FROM ecg.events_files
    WHERE (job_id, date) IN (SELECT job_id, date FROM ecg.recordings)
      AND ("$path" NOT LIKE '%/compacted~.parquet'
           OR (job_id, date) NOT IN (SELECT job_id, date FROM ecg.events_files WHERE "$path" NOT LIKE '%/compacted~.parquet'));

CREATE EXTERNAL TABLE IF NOT EXISTS ecg.frames_files (
    `job_id` string COMMENT 'The job: the same job analysed again replaces its rows.',
    `time_s` double COMMENT 'Centre of the 10 ms frame, from the start of the recording. [s]',
    `speaker` string COMMENT 'Who talks alone at the centre of the frame, absent where nobody or several people talk.',
    `rms` float COMMENT 'Root mean square of the samples, 1.0 being full scale.',
    `rms_dbfs` float COMMENT 'Root mean square level. [dBFS]',
    `peak` float COMMENT 'Largest absolute sample, 1.0 being full scale.',
    `zero_crossing_rate` float COMMENT 'Sign changes per sample. [1/sample]',
    `spectral_centroid_hz` float COMMENT 'Centre of mass of the magnitude spectrum. [Hz]',
    `spectral_rolloff_hz` float COMMENT 'Frequency below which most of the magnitude of the spectrum lies. [Hz]',
    `spectral_flatness` float COMMENT 'Geometric over arithmetic mean of the power spectrum: 0 a tone, 1 white noise.',
    `hnr_db` float COMMENT 'Harmonics-to-noise ratio of the voiced frames, of what lies below 2.5 kHz, fading to 5 kHz. [dB]',
    `f0_hz` float COMMENT 'Fundamental frequency, absent where the frame is unvoiced. [Hz]',
    `f0_strength` float COMMENT 'Height of the autocorrelation peak that F0 was read from, in [0, 1].',
    `clipped_ratio` float COMMENT 'Share of the audible frames in which the source is clipped.',
    `mfcc_00` float COMMENT 'Mfcc 00.',
    `mfcc_01` float COMMENT 'Mfcc 01.',
    `mfcc_02` float COMMENT 'Mfcc 02.',
    `mfcc_03` float COMMENT 'Mfcc 03.',
    `mfcc_04` float COMMENT 'Mfcc 04.',
    `mfcc_05` float COMMENT 'Mfcc 05.',
    `mfcc_06` float COMMENT 'Mfcc 06.',
    `mfcc_07` float COMMENT 'Mfcc 07.',
    `mfcc_08` float COMMENT 'Mfcc 08.',
    `mfcc_09` float COMMENT 'Mfcc 09.',
    `mfcc_10` float COMMENT 'Mfcc 10.',
    `mfcc_11` float COMMENT 'Mfcc 11.',
    `mfcc_12` float COMMENT 'Mfcc 12.',
    `loudness_sone` float COMMENT 'Loudness, as if the RMS full scale (0 dBFS) were played at 100 dB SPL. [sone]',
    `alpha_ratio_db` float COMMENT 'Power from 1 to 5 kHz over power from 50 Hz to 1 kHz. [dB]',
    `hammarberg_index_db` float COMMENT 'Strongest partial below 2 kHz over the strongest from 2 to 5 kHz. [dB]',
    `slope_0_500_db_per_hz` float COMMENT 'Slope of the power spectrum in dB from 0 to 500 Hz. [dB/Hz]',
    `slope_500_1500_db_per_hz` float COMMENT 'Slope of the power spectrum in dB from 500 to 1500 Hz. [dB/Hz]',
    `spectral_flux` float COMMENT 'How far the spectrum, its level taken out, is from that 10 ms before, 0 to 1.41.',
    `cpp_db` float COMMENT 'Cepstral peak prominence: how far the peak of the pitch stands above the cepstrum. [dB]',
    `jitter_local` float COMMENT 'Difference of one period of the voice and the next, by their mean.',
    `jitter_rap` float COMMENT 'Difference of a period and the mean of three around it, by that mean.',
    `jitter_ppq5` float COMMENT 'Difference of a period and the mean of five around it, by that mean.',
    `shimmer_local` float COMMENT 'Difference of the amplitudes of one period and the next, by their mean.',
    `shimmer_apq3` float COMMENT 'Difference of the amplitude of a period and the mean of three, by that mean.',
    `shimmer_apq11` float COMMENT 'Difference of the amplitude of a period and the mean of eleven, by that mean.',
    `shimmer_db` float COMMENT 'Difference of the amplitudes of one period and the next. [dB]',
    `f1_below_5000_hz` float COMMENT 'Formant 1 (Burg) below a ceiling of 5000 Hz. [Hz]',
    `f1_bandwidth_below_5000_hz` float COMMENT 'Bandwidth of formant 1 (Burg) below a ceiling of 5000 Hz. [Hz]',
    `f2_below_5000_hz` float COMMENT 'Formant 2 (Burg) below a ceiling of 5000 Hz. [Hz]',
    `f2_bandwidth_below_5000_hz` float COMMENT 'Bandwidth of formant 2 (Burg) below a ceiling of 5000 Hz. [Hz]',
    `f3_below_5000_hz` float COMMENT 'Formant 3 (Burg) below a ceiling of 5000 Hz. [Hz]',
    `f3_bandwidth_below_5000_hz` float COMMENT 'Bandwidth of formant 3 (Burg) below a ceiling of 5000 Hz. [Hz]',
    `f1_below_5500_hz` float COMMENT 'Formant 1 (Burg) below a ceiling of 5500 Hz. [Hz]',
    `f1_bandwidth_below_5500_hz` float COMMENT 'Bandwidth of formant 1 (Burg) below a ceiling of 5500 Hz. [Hz]',
    `f2_below_5500_hz` float COMMENT 'Formant 2 (Burg) below a ceiling of 5500 Hz. [Hz]',
    `f2_bandwidth_below_5500_hz` float COMMENT 'Bandwidth of formant 2 (Burg) below a ceiling of 5500 Hz. [Hz]',
    `f3_below_5500_hz` float COMMENT 'Formant 3 (Burg) below a ceiling of 5500 Hz. [Hz]',
    `f3_bandwidth_below_5500_hz` float COMMENT 'Bandwidth of formant 3 (Burg) below a ceiling of 5500 Hz. [Hz]'
)
COMMENT 'One row every 10 ms, in order of time.'
PARTITIONED BY (`date` date)
STORED AS PARQUET
LOCATION 's3://BUCKET/features/frames/'
TBLPROPERTIES (
    'projection.enabled' = 'true',
    'projection.date.type' = 'date',
    'projection.date.format' = 'yyyy-MM-dd',
    'projection.date.range' = '2026-01-01,NOW'
);

CREATE OR REPLACE VIEW ecg.frames AS
    SELECT * FROM ecg.frames_files
    WHERE (job_id, date) IN (SELECT job_id, date FROM ecg.recordings)
      AND ("$path" NOT LIKE '%/compacted~.parquet'
           OR (job_id, date) NOT IN (SELECT job_id, date FROM ecg.frames_files WHERE "$path" NOT LIKE '%/compacted~.parquet'));
