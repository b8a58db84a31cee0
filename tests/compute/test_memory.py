"""What memory there is, asked without a model library."""

import time

from ecg_audio.compute.memory import Meter


def test_a_meter_sees_what_is_held_in_between() -> None:
    """The peak holds memory that was there only while something ran; without a GPU there is no figure for one."""
    with Meter() as meter:
        held = bytearray(200_000_000)
        held[::4096] = b"1" * len(held[::4096])
        time.sleep(0.2)
        del held
    assert meter.peak.resident_bytes - meter.before.resident_bytes > 150_000_000
    assert meter.after.resident_bytes < meter.peak.resident_bytes
    assert meter.peak.gpu_bytes is None
