"""What is asked, checked once, before anything is done."""

import hashlib
import re
import unicodedata
import uuid
from dataclasses import dataclass
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from ecg_audio.errors import InvalidRequest, TooLong

GB = 1_000_000_000
JOB_ID = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,126}[A-Za-z0-9])?")
UNPRINTABLE = {"Cc", "Cs", "Zl", "Zp"}  # controls, halves of characters, line and paragraph separators
LANGUAGE = re.compile(r"auto|[a-z]{2,3}")
Channels = Literal["auto", "separate", "mixed"]
"""Whether the channels of a recording are people: `auto` looks, `separate` says so, `mixed` says that they are not."""
AUTO, EMBEDDED = "auto", "embedded"
"""What a request may say of its models beside a name: the best that are here, or those inside installed packages."""


@dataclass(frozen=True, slots=True)
class SpeakerCount:
    """What is known about the number of speakers; all None: nothing, and nothing is forced."""

    exact: int | None = None
    least: int | None = None
    most: int | None = None


UNKNOWN = SpeakerCount()


@dataclass(frozen=True, slots=True)
class Guidance:
    """What is wanted of the words: text to take for what came before, likely words, English."""

    initial_prompt: str | None = None
    hotwords: str | None = None
    translate: bool = False

    def __str__(self) -> str:
        return ", ".join(name for name in ("initial_prompt", "hotwords", "translate") if getattr(self, name))


UNGUIDED = Guidance()


class Limits(BaseModel):
    """How large and how long a recording may be."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_bytes: Annotated[
        int, Field(title="Largest source (bytes)", gt=0, description="5,000,000,000 bytes are 5 GB.")
    ] = 5 * GB
    max_duration_s: Annotated[
        float, Field(title="Longest recording (seconds)", gt=0, description="10,800 s are 3 hours.")
    ] = 3 * 3600.0

    def check_duration(self, duration_s: float | None) -> None:
        """Raise `TooLong` for a recording that is too long; None: nobody says how long it is."""
        if duration_s is not None and duration_s > self.max_duration_s:
            raise TooLong(
                f"the recording is {duration_s / 3600:.2f} h long, the limit is {self.max_duration_s / 3600:.2f} h"
            )


class Callback(BaseModel):
    """Where the one who asked hears how the job goes; without a base URL, where the endpoint block says."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    base_url: Annotated[
        str | None,
        Field(title="Address of the backend", max_length=2048, description="http(s) address of the backend."),
    ] = None
    locale: Annotated[
        Literal["ko", "en"] | None,
        Field(title="Language of messages", description="Language of messages; default: the block's, else Korean."),
    ] = None
    endpoint: Annotated[
        str | None,
        Field(
            title="Endpoint block",
            description="A callback-endpoint block; its secret signs what goes to its own origin. Default: none.",
        ),
    ] = None

    @field_validator("base_url")
    @classmethod
    def _web_address(cls, address: str | None) -> str | None:
        return None if address is None else web_address(address)

    @model_validator(mode="after")
    def _leads_somewhere(self) -> Self:
        if self.base_url is None and self.endpoint is None:
            raise ValueError("give a base_url, an endpoint block, or both")
        return self


def web_address(address: str) -> str:
    """An http(s) address that paths can be put behind, without the slash at its end.

    Raises:
        ValueError: it is none, or it holds credentials, a query, a fragment, spaces or control characters.
    """
    if any(character.isspace() or not character.isprintable() for character in address):
        raise ValueError("holds spaces or control characters")
    parts = urlsplit(address)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.port == 0:
        raise ValueError("must be an http or https address")
    if parts.username is not None or parts.password is not None or "?" in address or "#" in address:
        raise ValueError("must hold no credentials, query or fragment")
    return address.rstrip("/")


def origin(address: str) -> tuple[str, str, int | None]:
    """Scheme, host and port of a web address, as browsers compare them."""
    parts = urlsplit(address)
    usual = {"http": 80, "https": 443}.get(parts.scheme)
    return parts.scheme, (parts.hostname or "").lower(), parts.port or usual


class AnalysisRequest(BaseModel):
    """One recording to analyse, and how."""

    model_config = ConfigDict(frozen=True, extra="forbid", title="Analysis request")

    source: Annotated[
        str,
        Field(
            title="Recording",
            min_length=1,
            max_length=8192,
            description="A file path, http(s) address, s3:// key or platform URL.",
        ),
    ]
    job_id: Annotated[
        str, Field(title="Job id", description="Your own id for the job; the same id replaces its earlier result.")
    ] = Field(default_factory=lambda: str(uuid.uuid4()))
    language: Annotated[str, Field(title="Spoken language", description="ISO 639 code such as en or ko, or auto.")] = (
        "auto"
    )
    models: Annotated[
        str,
        Field(
            title="Speech models",
            max_length=1024,
            description="auto: the models that are set or on this machine, else the embedded ones; embedded; "
            "or a Whisper model: a size, a hub name or a directory.",
        ),
    ] = AUTO
    speakers: Annotated[
        int | None, Field(title="Number of speakers", ge=1, le=50, description="Exact number of speakers, if known.")
    ] = None
    min_speakers: Annotated[
        int | None, Field(title="Fewest speakers", ge=1, le=50, description="At least so many speakers.")
    ] = None
    max_speakers: Annotated[
        int | None, Field(title="Most speakers", ge=1, le=50, description="At most so many speakers.")
    ] = None
    initial_prompt: Annotated[
        str | None,
        Field(
            title="Text before",
            max_length=1000,
            description="Text to take for what was said before: names, spelling, style.",
        ),
    ] = None
    hotwords: Annotated[
        str | None,
        Field(
            title="Likely words",
            max_length=500,
            description="Words that are likely to be said, with spaces between them.",
        ),
    ] = None
    translate: Annotated[
        bool,
        Field(title="Translate into English", description="Write down in English what is said in another language."),
    ] = False
    sounds: Annotated[
        bool,
        Field(
            title="Laughter, music and pauses",
            description="Look for events beside words: laughter, applause, music, noise, long pauses.",
        ),
    ] = True
    voice_vectors: Annotated[
        bool,
        Field(
            title="Keep voices as vectors",
            description="Keep in the result how each speaker's voice sounds, as a vector: biometric data.",
        ),
    ] = False
    audio_stream: Annotated[
        int | None,
        Field(
            title="Audio stream",
            ge=0,
            description="Which audio stream, counted from 0; default: the file's own default.",
        ),
    ] = None
    channels: Annotated[
        Channels,
        Field(
            title="Channels of the recording",
            description="separate: one person speaks in each channel, as in recorded calls; mixed: channels are mixed "
            "and voices told apart; auto: separate where two channels hold different voices, and as many speakers "
            "may be there.",
        ),
    ] = "auto"
    store: Annotated[
        str | None,
        Field(
            title="Where results go",
            description="Where results go: a folder, or a Prefect block such as s3-bucket/ecg. Default: ECG_STORE.",
        ),
    ] = None
    cookies: Annotated[
        str | None,
        Field(title="Cookies block", description="A site-cookies block, for platform URLs that want a login."),
    ] = None
    callback: Annotated[
        Callback | None, Field(title="Who is called back", description="Who hears how it goes. Default: nobody.")
    ] = None
    limits: Annotated[
        Limits,
        Field(
            title="Largest and longest recording",
            description="How large and how long the recording may be; 5 GB and 3 hours, unless it is said.",
        ),
    ] = Limits()

    @field_validator("source")
    @classmethod
    def _printable(cls, source: str) -> str:
        if any(ord(character) < 32 or ord(character) == 127 for character in source):
            raise ValueError("holds control characters")
        return source

    @field_validator("job_id")
    @classmethod
    def _safe_name(cls, job_id: str) -> str:
        # a job id becomes a folder name and an object key
        if not JOB_ID.fullmatch(job_id) or ".." in job_id:
            raise ValueError(
                "must be 1 to 128 letters, digits, '.', '_' or '-', and begin and end with one of the first two"
            )
        return job_id

    @field_validator("language")
    @classmethod
    def _code(cls, language: str) -> str:
        language = language.strip().lower()
        if not LANGUAGE.fullmatch(language):
            raise ValueError("must be 'auto' or a code such as en, ko, ja")
        return language

    @field_validator("models")
    @classmethod
    def _named_models(cls, models: str) -> str:
        models = models.strip()
        if not models or any(unicodedata.category(character) in UNPRINTABLE for character in models):
            raise ValueError("must be auto, embedded, or the name of a Whisper model")
        return models

    @field_validator("initial_prompt", "hotwords")
    @classmethod
    def _plain_text(cls, text: str | None) -> str | None:
        if text is None:
            return None
        if any(unicodedata.category(character) in UNPRINTABLE for character in text):
            raise ValueError("holds control characters or line breaks")
        if "<|" in text:
            raise ValueError("holds '<|', which begins the recogniser's own commands")
        return text.strip() or None

    @model_validator(mode="after")
    def _consistent_speakers(self) -> Self:
        if self.speakers is not None and (self.min_speakers is not None or self.max_speakers is not None):
            raise ValueError("speakers is an exact number: give either it or min_speakers/max_speakers")
        if self.min_speakers and self.max_speakers and self.min_speakers > self.max_speakers:
            raise ValueError("min_speakers is larger than max_speakers")
        return self

    @property
    def speaker_count(self) -> SpeakerCount:
        """What is asked about the number of speakers."""
        return SpeakerCount(self.speakers, self.min_speakers, self.max_speakers)

    @property
    def channel_use(self) -> Channels:
        """What is to be done with channels: `auto` separates two, which a number of speakers may rule out."""
        asked = self.speaker_count
        least, most = asked.exact or asked.least or 1, asked.exact or asked.most or 2
        return self.channels if self.channels != "auto" or least <= 2 <= most else "mixed"

    @property
    def guidance(self) -> Guidance:
        """What is asked of the words."""
        return Guidance(self.initial_prompt, self.hotwords, self.translate)

    @property
    def digest(self) -> str:
        """What decides the result, as 64 hexadecimal digits; whose job it is and where it goes do not count."""
        others = {"job_id", "store", "cookies", "callback", "limits"}
        # without defaults: a field that is added later leaves the digests of today's requests as they are
        asked = self.model_dump_json(exclude=others, exclude_defaults=True)
        return hashlib.sha256(asked.encode()).hexdigest()

    @classmethod
    def checked(cls, **fields: object) -> "AnalysisRequest":
        """Build a request.

        Raises:
            InvalidRequest: a field is missing, malformed or contradicts another; the message names the first.
        """
        try:
            return cls.model_validate(fields)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            name = ".".join(str(part) for part in first["loc"]) or "request"
            raise InvalidRequest(f"{name}: {first['msg'].removeprefix('Value error, ')}") from None
