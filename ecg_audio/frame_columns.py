"""The figures that are measured every 10 ms: names and units, in table order."""

FRAME_HOP_S = 0.01
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
}
