"""Everything that can go wrong, one class a failure.

Each class says `code`, the stable name that command line and callbacks carry; `retryable`, whether the same request
can succeed on another try; `by_user`, whether it could never have worked; and `hint`, what a person can do about it.
"""

import functools
from typing import ClassVar


class EcgError(Exception):
    """A failure with a name. Raise a subclass, never this.

    Args:
        message: one line, for a person: what happened, to what.
        hint: one line: what to do. None takes the class's own.
    """

    code: ClassVar[str] = "PROCESSING_ERROR"
    retryable: ClassVar[bool] = False
    by_user: ClassVar[bool] = False
    default_hint: ClassVar[str] = "Run again with --debug and report what it prints."

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint or self.default_hint

    def __reduce__(self) -> tuple[object, ...]:
        # an error crosses process boundaries (children, Prefect's results) whole, hint included
        return functools.partial(type(self), self.message, hint=self.hint), ()


def kinds(kind: type[EcgError] = EcgError) -> list[type[EcgError]]:
    """A kind of failure and all of its heirs."""
    return [kind, *(found for heir in kind.__subclasses__() for found in kinds(heir))]


# What was asked


class InvalidRequest(EcgError):
    """The request itself does not make sense."""

    code = "INVALID_REQUEST"
    by_user = True
    default_hint = "Correct the named field; `ecg analyze --help` shows what each one takes."


class SourceNotFound(EcgError):
    """There is no such file or object."""

    code = "SOURCE_NOT_FOUND"
    by_user = True
    default_hint = "Check the spelling of the path, key or address."


class SourceEmpty(EcgError):
    """The file or object has no bytes."""

    code = "SOURCE_EMPTY"
    by_user = True
    default_hint = "The file is 0 bytes long: export or upload it again."


class SourceInvalid(EcgError):
    """The source is not a file that can be read (a folder, a device, an unreadable file)."""

    code = "SOURCE_INVALID"
    by_user = True
    default_hint = "Give a readable media file, an http(s) address or an s3:// key."


class SourceForbidden(EcgError):
    """The source's scheme or address is one that is never opened."""

    code = "SOURCE_FORBIDDEN"
    by_user = True
    default_hint = "Only http, https, s3 and files are read; operators allow private networks by ECG_ALLOWED_NETWORKS."


class NotMedia(EcgError):
    """The bytes are not audio or video, whatever the name says."""

    code = "NOT_MEDIA"
    by_user = True
    default_hint = "Give an audio or video file (mp4 avi mov mkv webm wav mp3 flac aac m4a, or what else FFmpeg opens)."


class NoAudio(EcgError):
    """There is no audio stream, or it has no samples."""

    code = "NO_AUDIO"
    by_user = True
    default_hint = "The recording has no sound to analyse: export it with its audio track."


class MediaCorrupt(EcgError):
    """Nothing in the file can be decoded."""

    code = "MEDIA_CORRUPT"
    by_user = True
    default_hint = "The file is damaged or incomplete: export or upload it again."


class MediaEncrypted(EcgError):
    """The audio is protected (DRM, encrypted samples)."""

    code = "MEDIA_ENCRYPTED"
    by_user = True
    default_hint = "Give an unprotected copy of the recording."


class TooLong(EcgError):
    """The recording is longer than the limit."""

    code = "TOO_LONG"
    by_user = True
    default_hint = "Cut the recording, or raise the limit with --max-hours."


class TooLarge(EcgError):
    """The file is larger than the limit."""

    code = "TOO_LARGE"
    by_user = True
    default_hint = "Send a smaller file (the audio track alone is enough), or raise the limit with --max-gb."


class LanguageUnsupported(EcgError):
    """The model does not have this language."""

    code = "LANGUAGE_UNSUPPORTED"
    by_user = True
    default_hint = "Use a model that has more languages, such as --models embedded, which has about 100."


class OptionUnsupported(EcgError):
    """The model cannot do something that was asked of it."""

    code = "OPTION_UNSUPPORTED"
    by_user = True
    default_hint = "Name a model that can with --models, or leave the option out."


class EngineUnavailable(EcgError):
    """The speech models that were asked for cannot be had here."""

    code = "ENGINE_UNAVAILABLE"
    by_user = True
    default_hint = "`ecg models list` says what is missing; --models embedded needs nothing but the installed packages."


# Getting hold of the recording


class DownloadFailed(EcgError):
    """The transfer broke, or the far side cannot answer now: trying again can help."""

    code = "DOWNLOAD_ERROR"
    retryable = True
    default_hint = "The far side did not deliver the whole file: try again later."


class DownloadRefused(EcgError):
    """The far side said no (not found, not allowed): trying again cannot help."""

    code = "DOWNLOAD_ERROR"
    default_hint = "Check that the address is right, public or signed, and not expired."


class SiteBlocked(EcgError):
    """A platform refuses automated downloads, or wants a login."""

    code = "SITE_BLOCKED"
    default_hint = "Give the site's cookies through a cookies block, or download the video yourself and give the file."


class ExtractionFailed(EcgError):
    """The decoder died, or ran out of its time or memory."""

    code = "AUDIO_EXTRACTION_ERROR"
    default_hint = "Convert the recording to a plain format (WAV, FLAC, MP4) and try again."


# Recognising and measuring


class ModelLoadingFailed(EcgError):
    """A model's files are missing or cannot be loaded."""

    code = "MODEL_LOADING_ERROR"
    default_hint = "`ecg doctor` says which models are there."


class ModelAccessDenied(EcgError):
    """The hub wants an accepted licence or a valid token."""

    code = "MODEL_ACCESS_DENIED"
    default_hint = "Accept the model's conditions on its hub page and set HF_TOKEN."


class GpuMemoryExhausted(EcgError):
    """The GPU's memory did not suffice, at any step of the ladder."""

    code = "GPU_MEMORY_ERROR"
    retryable = True
    default_hint = "Free the GPU, choose a smaller model, or run on CPU."


class TranscriptionFailed(EcgError):
    """Speech recognition broke."""

    code = "TRANSCRIPTION_ERROR"


class DiarizationFailed(EcgError):
    """Telling the speakers apart broke; the transcript is still delivered."""

    code = "DIARIZATION_ERROR"


class MeasurementFailed(EcgError):
    """Measuring the voice broke."""

    code = "ANALYSIS_ERROR"


class WorkerLost(EcgError):
    """A child process ended without an answer (killed, out of memory)."""

    code = "PROCESSING_ERROR"
    retryable = True
    default_hint = "The machine may be short of memory: close other programs, or try again."


class WorkerKilled(WorkerLost):
    """It was killed from outside: what it was given is not at fault."""


class ProcessingTimeout(EcgError):
    """A stage or a whole job took longer than it may."""

    code = "PROCESSING_TIMEOUT"
    default_hint = "Hand it in again; if the machine is slow and does not hang, raise ECG_TIME_LIMIT_PER_S."


class InsufficientResources(EcgError):
    """The machine has too little memory or disk for this recording."""

    code = "INSUFFICIENT_RESOURCES"
    retryable = True
    default_hint = "Free some memory or disk space, and try again."


class JobCancelled(EcgError):
    """Somebody stopped the job."""

    code = "JOB_CANCELLED"
    default_hint = "Hand the recording in again, under a new job id."


class RunLost(EcgError):
    """The process that did the job, or its whole machine, is gone."""

    code = "PROCESSING_ERROR"
    default_hint = "Hand the recording in again; the machine's log says what ended it."


# Delivering


class PublishFailed(EcgError):
    """The artifact store does not take the results (full, unreachable)."""

    code = "PUBLISH_ERROR"
    retryable = True
    default_hint = "Check that the output folder or bucket exists, can be written and has space."


class StoreRefused(PublishFailed):
    """The artifact store is there and says no: no such bucket, no right to it, a file where a folder should be."""

    retryable = False


class StoreBusy(PublishFailed):
    """Somebody else is rewriting the same part of the artifact store, and has not ended in time."""

    code = "STORE_BUSY"
    default_hint = "An `ecg compact` is probably at work: do the same again when it has ended."


class FfmpegMissing(EcgError):
    """Burning captions in needs a program that is not here."""

    code = "FFMPEG_MISSING"
    by_user = True
    default_hint = "Install ffmpeg with libass (Debian, Ubuntu: apt install ffmpeg), or use the .ass file as it is."


class FontMissing(FfmpegMissing):
    """No font of this machine has letters that the captions need: libass would draw boxes."""

    code = "FONT_MISSING"


class BurnFailed(EcgError):
    """The captioned video could not be written."""

    code = "BURN_ERROR"
    default_hint = "Check that the folder has space, and that the video plays; the result keeps its captions."


class ResultNotFound(EcgError):
    """No published result under this name."""

    code = "RESULT_NOT_FOUND"
    by_user = True
    default_hint = "Give a job id with --out, or the path of an analysis.json or manifest.json."


class FormatUnavailable(EcgError):
    """This format is made with packages that are not installed here."""

    code = "FORMAT_UNAVAILABLE"
    default_hint = "`ecg export` makes it where the whole of ecg is installed, as a gateway of `ecg serve` does."


class SpeakerUnknown(EcgError):
    """The result has no speaker of this name."""

    code = "SPEAKER_UNKNOWN"
    by_user = True
    default_hint = (
        "`ecg show JOB` names the speakers; give one of them, as Speaker 1, SPEAKER_00 or as you renamed them."
    )


class TooLittleSpeech(EcgError):
    """Nobody can be known again by so little speech."""

    code = "TOO_LITTLE_SPEECH"
    by_user = True
    default_hint = "Take a recording in which this person speaks longer, and alone."


class VoiceUnknown(EcgError):
    """No voice of this name is kept."""

    code = "VOICE_UNKNOWN"
    by_user = True
    default_hint = "`ecg voices list` names those that are."


class BatchFailed(EcgError):
    """Too few jobs of a batch succeeded."""

    code = "BATCH_FAILED"
    default_hint = "The summary names each failed row; the same batch again does only what is missing."


# Answering for jobs over HTTP


class JobUnknown(EcgError):
    """Nobody handed in a job of this id."""

    code = "JOB_NOT_FOUND"
    by_user = True
    default_hint = "Check the job id; a job is known from the moment its request was answered."


class JobConflict(EcgError):
    """The job id already stands for another request."""

    code = "JOB_CONFLICT"
    by_user = True
    default_hint = "Use a new job id for a new request."


class UploadsOff(EcgError):
    """The gateway was given no store, so it knows no place for recordings."""

    code = "UPLOADS_OFF"
    default_hint = "The operator turns uploads on with ECG_STORE, the store that the workers use."


class UploadUnknown(EcgError):
    """This place for a recording was never offered, or not in time."""

    code = "UPLOAD_UNKNOWN"
    by_user = True
    default_hint = "POST /uploads offers a place, for an hour."


class UploadConflict(EcgError):
    """There is a recording at this place already."""

    code = "UPLOAD_CONFLICT"
    by_user = True
    default_hint = "Hand its video_url in, or POST /uploads for another place."


class UploadBroken(EcgError):
    """A recording did not arrive whole; nothing of it was kept."""

    code = "UPLOAD_BROKEN"
    by_user = True
    default_hint = "Send the whole recording again, to the same place."


class OrchestratorUnavailable(EcgError):
    """Prefect, or the deployment in it, does not answer in time; asking for the same again begins nothing twice."""

    code = "SERVICE_UNAVAILABLE"
    retryable = True
    default_hint = "Send the same request again in a few seconds."


# Running services on this machine


class AddressInUse(EcgError):
    """Another program listens where a service would."""

    code = "ADDRESS_IN_USE"
    by_user = True
    default_hint = "End the other program, or give the service another port."


class ServiceFailed(EcgError):
    """A service of `ecg serve` ends however often it is begun."""

    code = "SERVICE_FAILED"
    default_hint = "Its log in the data folder says why."


def named(name: str) -> type[EcgError] | None:
    """The kind of error with this class's name; None: it is none of ours."""
    return next((kind for kind in kinds() if kind.__name__ == name), None)


def recalled(told: str) -> EcgError | None:
    """The error that a text such as `TranscriptionFailed: the decoder broke` tells of; None: it names none of ours."""
    name, _, message = told.partition(": ")
    kind = named(name)
    return kind(message) if kind else None
