"""How good a recording is to hear, in one line."""

from pathlib import Path
from typing import Any

import pytest

from deployments.cli import show
from ecg_audio.analysis import Channel
from ecg_audio.captions.payload import payload
from ecg_audio.captions.styling import Style
from ecg_audio.results import document
from ecg_audio.results.outcome import Outcome, Outputs
from ecg_audio.sound_quality import sound_quality
from flows.summary import _markdown
from tests.support.results import factory


@pytest.mark.parametrize(
    ("figures", "line"),
    [
        ({}, "clear (SNR 34 dB, band up to 7.6 kHz)"),
        ({"active_level_dbfs": -48.2}, "faint: -48 dBFS (SNR 34 dB, band up to 7.6 kHz)"),
        ({"source_clipped_ratio": 0.021}, "clipped 2.1 % (SNR 34 dB, band up to 7.6 kHz)"),
        ({"source_clipped_ratio": 0.0004}, "clipped 0.04 % (SNR 34 dB, band up to 7.6 kHz)"),
        ({"source_clipped_ratio": 0.00004}, "clear (SNR 34 dB, band up to 7.6 kHz)"),
        ({"bandwidth_hz": 3406.25}, "telephone band (SNR 34 dB, band up to 3.4 kHz)"),
        ({"snr_db": 4.4}, "noisy (SNR 4 dB, band up to 7.6 kHz)"),
        ({"offset_removed": -0.4}, "offset -40.0 % taken off (SNR 34 dB, band up to 7.6 kHz)"),
        ({"snr_db": None, "bandwidth_hz": None}, "clear"),
        (
            {"active_level_dbfs": -50.0, "source_clipped_ratio": 0.1, "snr_db": 3.0},
            "faint: -50 dBFS, clipped 10.0 %, noisy (SNR 3 dB, band up to 7.6 kHz)",
        ),
        (
            {
                "channels": tuple(
                    Channel(number=n, key="k", active_level_dbfs=level) for n, level in enumerate((-20, -58))
                )
            },
            "channel 1 faint: -58 dBFS (SNR 34 dB, band up to 7.6 kHz)",
        ),
        ({"active_level_dbfs": None}, "digital silence"),
        ({"mix": None}, None),
    ],
)
def test_the_line_says_what_was_measured(figures: dict[str, Any], line: str | None) -> None:
    """Each fault with its figure, else "clear"; what was not measured is not said."""
    assert sound_quality(factory.recording().model_copy(update=figures)) == line


def test_every_page_has_the_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The terminal, the summary in Prefect's UI and the report page say it; results of older versions say nothing."""
    line = "clear (SNR 34 dB, band up to 7.6 kHz)"
    found = factory.analysis(6)
    (tmp_path / "analysis.json").write_bytes(document.dumps(found))
    show.show_result(str(tmp_path / "analysis.json"), None)
    assert f"sound: {line}" in capsys.readouterr().out
    places = {name: name for name in Outputs.model_fields if name not in {"tables", "presets"}}
    ended = Outcome(job_id="a", status="completed", words=6, speakers=2, outputs=Outputs(**places, tables={}))
    assert f"sound: {line}" in _markdown(found, ended)
    assert payload(found, None, Style.preset("expressive"))["facts"]["quality"] == line
    older = found.model_copy(update={"recording": found.recording.model_copy(update={"mix": None})})
    assert "sound:" not in _markdown(older, ended)
    assert payload(older, None, Style.preset("expressive"))["facts"]["quality"] is None
