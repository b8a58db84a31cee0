"""How good a recording is to hear, in one line: each word of it is a figure that was measured."""

from ecg_audio.analysis import Recording

FAINT_DBFS = -45.0
"""Below this a recording is faint: speech lies between -35 and -15 as a rule."""
MUCH_OFFSET = 0.01
"""An offset of a hundredth of full scale is no rounding, but a fault of microphone or input."""
MUCH_CLIPPED = 1e-4
"""Share of clipped samples that is worth a word: a tenth of a second in 17 minutes."""
TELEPHONE_HZ = 4200.0
"""A band that ends here is that of telephones, which goes to 3.4 kHz, or of 8000 samples a second."""
NOISY_DB = 10.0
"""With less between voice and noise, words are lost and soft ones measured with the noise."""


def sound_quality(recording: Recording) -> str | None:
    """What an ear would say of a recording, with the figures; None: an older version, which measured none, made it."""
    if recording.mix is None:
        return None
    if recording.active_level_dbfs is None:
        return "digital silence"
    faults = [*_faults(recording)]
    figures = []
    if recording.snr_db is not None:
        figures.append(f"SNR {recording.snr_db:.0f} dB")
    if recording.bandwidth_hz is not None:
        figures.append(f"band up to {recording.bandwidth_hz / 1000:.1f} kHz")
    verdict = ", ".join(faults) or "clear"
    return f"{verdict} ({', '.join(figures)})" if figures else verdict


def _faults(recording: Recording) -> list[str]:
    level_dbfs, clipped = recording.active_level_dbfs, recording.source_clipped_ratio
    found = []
    if level_dbfs is not None and level_dbfs < FAINT_DBFS:
        found.append(f"faint: {level_dbfs:.0f} dBFS")
    levels_dbfs = {channel.number: channel.active_level_dbfs for channel in recording.channels}
    found += [
        f"channel {number} faint: {level_dbfs:.0f} dBFS"
        for number, level_dbfs in levels_dbfs.items()
        if level_dbfs is not None and level_dbfs < FAINT_DBFS
    ]
    if clipped is not None and clipped >= MUCH_CLIPPED:
        found.append(f"clipped {percent(clipped)}")
    if abs(recording.offset_removed) >= MUCH_OFFSET:
        found.append(f"offset {100 * recording.offset_removed:+.1f} % taken off")
    if recording.snr_db is not None and recording.snr_db < NOISY_DB:
        found.append("noisy")
    if recording.bandwidth_hz is not None and recording.bandwidth_hz < TELEPHONE_HZ:
        found.append("telephone band")
    return found


def percent(share: float) -> str:
    """A share with one digit after the point, or two where one says nothing."""
    return f"{100 * share:.1f} %" if share >= 0.001 else f"{100 * share:.2f} %"
