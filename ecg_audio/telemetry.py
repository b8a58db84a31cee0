"""What keeps the libraries we stand on from telling their makers how they are used.

Environment variables, for a process that has not imported anything of theirs yet.
"""

from collections.abc import Mapping

TELEMETRY_OFF: Mapping[str, str] = {
    "DO_NOT_TRACK": "1",
    "DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "ORT_DISABLE_TELEMETRY": "1",  # onnxruntime, which else leaves a device id in the home folder too
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PYANNOTE_METRICS_ENABLED": "0",
}
