"""A duration as people say it."""


def length(duration_s: float) -> str:
    """A duration in seconds below a minute, then in minutes, then in hours: 0.4 s, 30.0 s, 5:39, 1:02:03."""
    if round(duration_s, 1) < 60:
        return f"{duration_s:.1f} s"
    minutes, seconds = divmod(round(duration_s), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"
