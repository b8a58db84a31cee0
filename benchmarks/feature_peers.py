"""The same features by Praat (parselmouth): what ours are compared with, in benchmarks alone."""

from typing import Any

import numpy as np

from benchmarks.feature_voices import RATE_HZ

Array = Any

FLOOR_HZ, CEILING_HZ = 60.0, 500.0


def praat(samples: Array, low_voice: bool) -> dict[str, float]:
    """Praat's figures of a stretch of sound by the names of our columns; NaN where Praat has none.

    Args:
        samples: float32 at 16 kHz.
        low_voice: whether formants are looked for below 5 kHz, not 5.5.
    """
    import parselmouth
    from parselmouth.praat import call

    sound = parselmouth.Sound(samples.astype(np.float64), RATE_HZ)
    pitch = sound.to_pitch_ac(time_step=0.01, pitch_floor=FLOOR_HZ, pitch_ceiling=CEILING_HZ)
    points = call([sound, pitch], "To PointProcess (cc)")
    bounds = (0, 0, 0.0001, 0.02, 1.3)
    f0_hz = pitch.selected_array["frequency"]
    voiced_s = pitch.xs()[f0_hz > 0]
    found = {"f0_mean_hz": float(f0_hz[f0_hz > 0].mean()) if len(voiced_s) else np.nan}
    for name, command in (("local", "local"), ("rap", "rap"), ("ppq5", "ppq5")):
        found[f"jitter_{name}"] = call(points, f"Get jitter ({command})", *bounds)
    for name, command in (("local", "local"), ("apq3", "apq3"), ("apq11", "apq11"), ("db", "local_dB")):
        found[f"shimmer_{name}"] = call([sound, points], f"Get shimmer ({command})", *bounds, 1.6)
    harmonicity = sound.to_harmonicity_ac(time_step=0.01, minimum_pitch=FLOOR_HZ, periods_per_window=3.0)
    values = harmonicity.values[harmonicity.values > -100]
    found["hnr_db"] = float(values.mean()) if len(values) else np.nan
    formant = sound.to_formant_burg(
        time_step=0.01, max_number_of_formants=5, maximum_formant=5000.0 if low_voice else 5500.0, window_length=0.025
    )
    for number in (1, 2, 3):
        tracks = [formant.get_value_at_time(number, time_s) for time_s in voiced_s]
        widths = [formant.get_bandwidth_at_time(number, time_s) for time_s in voiced_s]
        found[f"f{number}_hz"] = float(np.nanmean(tracks)) if np.isfinite(tracks).any() else np.nan
        found[f"f{number}_bandwidth_hz"] = float(np.nanmean(widths)) if np.isfinite(widths).any() else np.nan
    cepstrogram = call(sound, "To PowerCepstrogram", 60, 0.01, 5000, 50)
    found["cpp_db"] = call(
        cepstrogram, "Get CPPS", "no", 0.01, 0.001, 60, 500, 0.05, "Parabolic", 0.001, 0.05, "Straight", "Robust"
    )
    spectrum = call(sound, "To Ltas", 31.25)
    # Praat compares mean densities, the ratio compares sums
    found["alpha_ratio_db"] = call(spectrum, "Get slope", 50, 1000, 1000, 5000, "energy") + 10 * np.log10(4000 / 950)
    found["rms_dbfs"] = float(20 * np.log10(np.sqrt(np.mean(samples.astype(np.float64) ** 2)) + 1e-12))
    return found
