"""What model server and client say to each other: one JSON object a line, audio by path."""

import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict

from ecg_audio import errors
from ecg_audio.analysis import Diarization, Span, Transcript, VoiceVectors
from ecg_audio.errors import EcgError
from ecg_audio.request import AUTO, UNGUIDED, Guidance, SpeakerCount
from ecg_audio.sound_events import Remarks
from ecg_audio.speech.engine import Stage

HEARTBEAT_S = 1.0
"""A line comes at least so often, also while a job waits: whoever hears nothing knows that the other side is gone."""

RESULTS: Mapping[Stage, type[Transcript] | type[Diarization] | type[Remarks] | type[VoiceVectors]] = {
    "transcribe": Transcript,
    "align": Transcript,
    "diarize": Diarization,
    "listen": Remarks,
    "embed": VoiceVectors,
}
ASKED: Mapping[Stage, tuple[str, ...]] = {
    "transcribe": ("language", "guidance"),
    "align": ("transcript",),
    "diarize": ("speakers",),
    "listen": ("spans", "language"),
    "embed": ("voices",),
}
"""What each stage is asked of a recording: fields of a `Job`, in the order in which `Engine` hands them on."""


class Job(BaseModel):
    """What a client asks for. `recording` is a path that both sides can read."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    recording: str
    models: str = AUTO
    language: str = "auto"
    guidance: Guidance = UNGUIDED
    transcript: Transcript | None = None
    speakers: SpeakerCount = SpeakerCount()
    spans: tuple[Span, ...] = ()
    voices: tuple[tuple[Span, ...], ...] = ()


def line(**said: Any) -> bytes:
    """One object as it goes over the wire."""
    return json.dumps(said).encode() + b"\n"


def failure(error: EcgError) -> dict[str, str]:
    """An error with a name, to be raised again on the other side."""
    return {"kind": type(error).__name__, "message": error.message, "hint": error.hint}


def raised(said: Mapping[str, str]) -> EcgError:
    """The error that `failure` described; one this version does not know is an `EcgError`."""
    kind = errors.named(said["kind"]) or EcgError
    return kind(said["message"], hint=said["hint"])
