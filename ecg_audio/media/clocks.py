"""What the other streams of a container say about the time, where the sound's own clock steps ahead."""

from ecg_audio.media.timeline import RESTART_S

NEAR_S = RESTART_S / 2
"""Time stamps of one stream that are this near to each other are of one clock."""


class Clocks:
    """Follows the time stamps of a container's other streams, as stretches of time in which their clocks ran on."""

    def __init__(self) -> None:
        self._stretches: dict[int, list[list[float]]] = {}

    def see(self, stream: int, time_s: float) -> None:
        """Take the time stamp of a packet of another stream; they need not come in order."""
        stretches = self._stretches.setdefault(stream, [])
        for stretch in reversed(stretches):
            if stretch[0] - NEAR_S <= time_s <= stretch[1] + NEAR_S:
                stretch[0], stretch[1] = min(stretch[0], time_s), max(stretch[1], time_s)
                return
        stretches.append([time_s, time_s])

    def ran_through(self, begin_s: float, end_s: float) -> bool:
        """Whether another stream's clock ran from one time to another: then that much time has really passed."""
        return any(
            stretch[0] <= begin_s + NEAR_S and stretch[1] >= end_s - NEAR_S
            for stretches in self._stretches.values()
            for stretch in stretches
        )
