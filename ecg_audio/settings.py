"""Every setting of an operator: its variable, type, default and meaning stand here once, in groups.

A group is a value like any other; `read` makes it from this process's environment, where an empty variable counts as
not set. What the environment leaves open is taken from `lay_beneath` (the `speech-engine` block), then from the
defaults. Programs that must start in milliseconds, and decoders, read their few variables without pydantic: those have
their names in `environment`. `ecg settings` prints what holds, `python -m ecg_audio.settings > docs/settings.md` renews
the page.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)
from typing_extensions import override

from ecg_audio import environment
from ecg_audio.errors import InvalidRequest
from ecg_audio.request import AUTO, GB, Limits, web_address

FOR_EVER = "forever"

_beneath: dict[type["Group"], tuple[str, dict[str, Any]]] = {}


class Group(BaseSettings):
    """Settings that belong together. Making one looks at no environment; `read` does."""

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", validate_default=False, protected_namespaces=(), env_prefix="ECG_"
    )
    title: ClassVar[str]

    @classmethod
    @override
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What it is made from: what it is given, and no environment, file or secret."""
        return (init_settings,)

    @classmethod
    def read(cls, given: Mapping[str, str] | None = None) -> Self:
        """The settings that hold.

        Args:
            given: variables; None: this process's own, and beneath them what `lay_beneath` was given.

        Raises:
            InvalidRequest: one cannot be used; the message names its variable.
        """
        beneath = {} if given is not None else beneath_of(cls)[1]
        given = os.environ if given is None else given
        try:
            return cls(**beneath | _Variables(cls, given)())
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            variable = cls._blamed(str(first["loc"][0]), given)
            raise InvalidRequest(
                f"{variable}: {first['msg'].removeprefix('Value error, ')}", hint=f"Correct or unset {variable}."
            ) from None

    @classmethod
    def _blamed(cls, where: str, given: Mapping[str, str]) -> str:
        """The variable that was set for what pydantic names by field or alias."""
        field = next(name for name in cls.model_fields if where in {name, *cls.variables(name)})
        return cls.found(field, given) or cls.variable(field)

    @classmethod
    def found(cls, field: str, given: Mapping[str, str]) -> str | None:
        """The variable that a field is read from; None: none is set."""
        return next((name for name in cls.variables(field) if given.get(name, "").strip()), None)

    @classmethod
    def variables(cls, field: str) -> tuple[str, ...]:
        """The names under which a field is looked for in the environment, the first one first."""
        alias = cls.model_fields[field].validation_alias
        if isinstance(alias, AliasChoices):
            return tuple(str(choice) for choice in alias.choices)
        return (str(alias) if alias else f"{cls.model_config['env_prefix']}{field.upper()}",)

    @classmethod
    def variable(cls, field: str) -> str:
        """The name of a field's variable."""
        return cls.variables(field)[0]

    @classmethod
    def sentence(cls, field: str) -> str:
        """What a field means."""
        return cls.model_fields[field].description or ""


class _Variables(EnvSettingsSource):
    """What a mapping of variables says; an empty one says nothing."""

    def __init__(self, group: type[Group], given: Mapping[str, str]) -> None:
        self._given = given
        super().__init__(group)

    @override
    def _load_env_vars(self) -> Mapping[str, str]:
        return {name.lower(): value.strip() for name, value in self._given.items() if value.strip()}


def lay_beneath(group: type[Group], values: Mapping[str, Any], *, whence: str) -> None:
    """Let a group have these values where this process's environment does not say otherwise.

    Args:
        group: the group.
        values: by field.
        whence: what `ecg settings` calls their source.
    """
    _beneath[group] = (whence, dict(values))


def beneath_of(group: type[Group]) -> tuple[str, dict[str, Any]]:
    """The values that were laid beneath a group's environment, with their source."""
    return next((_beneath[kind] for kind in group.__mro__ if kind in _beneath), ("", {}))


def _setting(sentence: str, *variables: str, **bounds: Any) -> Any:
    """A field with its meaning, and the variables that it has instead of its group's prefix and its own name."""
    return Field(description=sentence, validation_alias=AliasChoices(*variables) if variables else None, **bounds)


class Files(Group):
    """Where files lie and who may read them."""

    title = "Files"

    store: Annotated[str | None, _setting("The folder or Prefect block for results; unset: `./ecg-results`.")] = None
    work_dir: Annotated[
        str | None,
        _setting(
            "The folder of unfinished work; unset: one of our own in the system's temporary folder.",
            environment.WORK_DIR,
        ),
    ] = None
    cache_dir: Annotated[
        str | None,
        _setting(
            "The folder of what can be made again: compiled kernels, the joined embedded weights, copies of tables, "
            "the server's template; unset: the user's cache folder.",
            environment.CACHE_DIR,
        ),
    ] = None
    umask: Annotated[
        str,
        _setting(
            "What is taken from the modes of new files and folders, in octal; `027` lets a group read results.",
            environment.UMASK,
        ),
    ] = "077"
    compact_after: Annotated[
        int,
        _setting(
            "When more recordings than these have files of their own in the tables, whoever finishes one makes a day's "
            "files one, as `ecg compact` does; 0: nobody, so that each table of a job stays a file.",
            ge=0,
        ),
    ] = 100


class Sources(Group):
    """What recordings may be taken from."""

    title = "Sources"

    allowed_networks: Annotated[
        tuple[str, ...],
        NoDecode,
        _setting("Private networks or hosts that may be sources, with commas between them."),
    ] = ()
    cookies_file: Annotated[
        str | None, _setting("A file of site cookies that `ecg blocks register` puts into a block.")
    ] = None

    _split = field_validator("allowed_networks", mode="before")(lambda value: _listed(value))


class Bucket(Group):
    """The bucket that `ecg blocks register` makes a block of."""

    title = "Bucket"

    name: Annotated[str | None, _setting("The bucket.", "S3_BUCKET_NAME", "S3_BUCKET")] = None
    s3_folder: Annotated[str, _setting("The folder of the bucket that results lie in.")] = ""
    access_key_id: Annotated[
        str | None,
        _setting(
            "The access key; unset: role, profile or environment of whoever uses the bucket.", "AWS_ACCESS_KEY_ID"
        ),
    ] = None
    secret_access_key: Annotated[SecretStr | None, _setting("Its secret.", "AWS_SECRET_ACCESS_KEY")] = None
    session_token: Annotated[
        SecretStr | None, _setting("It says that the keys are temporary, so they are not kept.", "AWS_SESSION_TOKEN")
    ] = None
    region: Annotated[str | None, _setting("The bucket's region.", "AWS_REGION", "AWS_DEFAULT_REGION")] = None
    endpoint_url: Annotated[
        str | None,
        _setting("A service that speaks S3 and is not AWS.", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"),
    ] = None


class Retention(Group):
    """How long objects are kept: a number of days, or `forever`."""

    model_config = SettingsConfigDict(env_prefix="ECG_KEEP_")
    title = "Retention"

    recordings_days: Annotated[str, _setting("Recordings.")] = FOR_EVER
    results_days: Annotated[str, _setting("Results, with their runs.")] = FOR_EVER
    features_days: Annotated[str, _setting("Voice frames.")] = FOR_EVER
    deliveries_days: Annotated[str, _setting("Receipts of callbacks, at least 30.")] = FOR_EVER
    cache_days: Annotated[str, _setting("Results of single stages.")] = "30"
    uploads_days: Annotated[str, _setting("Uploads.")] = FOR_EVER
    jobs_days: Annotated[
        str,
        _setting(
            "What the Prefect server of `ecg serve` knows of jobs that have ended; the gateway then finds them no "
            "longer, while their results stay."
        ),
    ] = "90"


class Models(Group):
    """Where the models live, and for how long."""

    title = "Models"

    model_server: Annotated[
        str | None,
        _setting(
            "The path of a model server's socket, as `ecg serve-models` prints it; unset: models load in a process of "
            "the job's."
        ),
    ] = None
    models_idle_s: Annotated[
        float | None,
        _setting("Models that nobody has used for so many seconds are given back; unset: never.", gt=0, lt=9e9),
    ] = None
    engine_settings: Annotated[
        str | None,
        _setting("A `speech-engine` block that says what the environment of a worker or model server does not."),
    ] = None


class Engine(Group):
    """The speech engine: which models, how exactly, on what. A model is a hub name, a short name, or a directory."""

    model_config = SettingsConfigDict(env_prefix="ECG_WHISPERX_")
    title = "Speech engine"

    model: Annotated[
        str,
        _setting(
            "Whisper model; embedded: base, from installed packages; auto: large-v3-turbo where it is on this machine "
            "and a GPU has room for it, else the embedded one."
        ),
    ] = AUTO
    model_revision: Annotated[str | None, _setting("Pinned hub revision of the Whisper model.")] = None
    align_models: Annotated[
        dict[str, str],
        NoDecode,
        _setting(
            "Aligner per language (`en=DIR,ko=none`), beside whisperx's own; embedded: PocketSphinx (en); none: the "
            "recogniser's own word times."
        ),
    ] = {}
    own_aligners: Annotated[bool, _setting("Whether whisperx's own aligners are used where they are here.")] = True
    diarization: Annotated[
        str,
        _setting(
            "pyannote pipeline; embedded: from installed packages; auto: community-1 where it is on this machine, else "
            "the embedded one."
        ),
    ] = AUTO
    diarization_revision: Annotated[str | None, _setting("Pinned hub revision of the pipeline.")] = None
    device: Annotated[Literal["auto", "cuda", "cpu"], _setting("auto: the GPU where there is one.")] = "auto"
    compute_type: Annotated[str, _setting("CTranslate2's arithmetic; auto: float16 on a GPU, int8 on the CPU.")] = AUTO
    batch_size: Annotated[int, _setting("Stretches that are recognised at once.", ge=1, le=128)] = 16
    beam_size: Annotated[int, _setting("The width of the search.", ge=1, le=16)] = 5
    chunk_s: Annotated[float, _setting("The longest stretch that is recognised at once, in s.", gt=1, le=30)] = 30.0
    memory_budget_gb: Annotated[float, _setting("GPU memory that the engine may use, in GB.", gt=0)] = 6.0

    @field_validator("align_models", mode="before")
    @classmethod
    def _pairs(cls, value: object) -> object:
        """`en=DIR,ko=none` as it stands in an environment variable."""
        if not isinstance(value, str):
            return value
        pairs = [pair.partition("=") for pair in value.split(",") if pair.strip()]
        return {language.strip(): model.strip() for language, _, model in pairs}


class Emotion(Group):
    """The emotion model; without one emotions are absent."""

    model_config = SettingsConfigDict(env_prefix="ECG_EMOTION_")
    title = "Emotion"

    model: Annotated[
        str | None, _setting("Hub name or directory of a transformers audio classifier; unset: emotions are absent.")
    ] = None
    model_revision: Annotated[str | None, _setting("Pinned hub revision of the emotion model.")] = None


class Events(Group):
    """Pauses and sounds beside words."""

    model_config = SettingsConfigDict(env_prefix="ECG_EVENT_")
    title = "Events"

    kinds: Annotated[
        str, _setting("Events to look for: names with commas between them, `default`, `all` or `none`.")
    ] = "default"
    model: Annotated[
        str | None,
        _setting(
            "Hub name or directory of a transformers audio classifier with AudioSet's labels; unset: none is asked."
        ),
    ] = None
    model_revision: Annotated[str | None, _setting("Pinned hub revision of the sound classifier.")] = None


class Callbacks(Group):
    """What a backend is told, and how."""

    model_config = SettingsConfigDict(env_prefix="ECG_CALLBACK_")
    title = "Callbacks"

    base_url: Annotated[
        str | None,
        _setting("Where callbacks go when a request does not say; unset: nowhere.", "FASTAPI_BASE_URL", "BACKEND_URL"),
    ] = None
    endpoint: Annotated[
        str | None,
        _setting("The callback-endpoint block whose secret signs what goes to its own origin; unset: not signed."),
    ] = None
    secret: Annotated[
        SecretStr | None, _setting("The secret that `ecg blocks register` puts into the block; unset: not signed.")
    ] = None
    locale: Annotated[str, _setting("The language of messages in that block.")] = "ko"

    _address = field_validator("base_url")(lambda value: web_address(value))


class Runs(Group):
    """Runs of a deployment, and who looks after them."""

    title = "Runs"

    callback_patience_s: Annotated[
        float | None,
        _setting("For how long a run tries its own last callback; unset: 20 s in runs of a deployment, else 300 s."),
    ] = None
    one_machine: Annotated[
        str | None,
        _setting(
            "Set where all workers of a Prefect server are on one machine, as `ecg serve` does: its processes tell "
            "which runs are lost; unset: heartbeats tell."
        ),
    ] = None
    warm_socket: Annotated[
        str | None,
        _setting(
            "Where the fork server listens, and its clients ask; unset: a folder of the user's own.",
            environment.WARM_SOCKET,
        ),
    ] = None


class TimeLimits(Group):
    """How long work on a recording may take before it is taken for hung, and ended as PROCESSING_TIMEOUT."""

    model_config = SettingsConfigDict(env_prefix="ECG_TIME_LIMIT_")
    title = "Time limits"

    least_s: Annotated[
        float, _setting("What each stage may take however short the recording is, in s.", gt=0, allow_inf_nan=False)
    ] = 1800.0
    per_s: Annotated[
        float, _setting("And beside it for each second of the recording, in s.", ge=0, allow_inf_nan=False)
    ] = 40.0
    gpu_per_s: Annotated[
        float, _setting("The same for a stage that works on a graphics card.", ge=0, allow_inf_nan=False)
    ] = 10.0


class Gateway(Group):
    """The HTTP gateway."""

    model_config = SettingsConfigDict(env_prefix="ECG_GATEWAY_")
    title = "Gateway"

    host: Annotated[str, _setting("Where it listens.")] = "127.0.0.1"
    port: Annotated[int, _setting("Its port.", ge=0, le=65535)] = 8080
    api_key: Annotated[SecretStr | None, _setting("The key that callers show in `X-API-Key`; unset: none.")] = None
    models: Annotated[str, _setting("The models of its jobs: auto, embedded or the name of a Whisper model.")] = AUTO
    deployment: Annotated[str, _setting("What a job runs, as flow/deployment.", "ECG_DEPLOYMENT")] = "analyze/analyze"
    wait_s: Annotated[
        float, _setting("For how long `/transcribe` waits.", "ECG_TRANSCRIBE_WAIT_S", ge=0, allow_inf_nan=False)
    ] = 300.0
    upload_max_gb: Annotated[
        float,
        _setting(
            "The largest upload, in GB; the gateway's `ECG_STORE` turns uploads on.",
            "ECG_UPLOAD_MAX_GB",
            ge=0,
            allow_inf_nan=False,
        ),
    ] = Limits().max_bytes / GB


class Prefect(Group):
    """Prefect's server, as Prefect's own libraries read it."""

    model_config = SettingsConfigDict(env_prefix="PREFECT_API_")
    title = "Prefect"

    url: Annotated[str | None, _setting("Your Prefect server; unset: each command starts a private one.")] = None
    auth_string: Annotated[SecretStr | None, _setting("What a server that asks for a password is shown.")] = None
    key: Annotated[SecretStr | None, _setting("What Prefect Cloud is shown.")] = None

    _address = field_validator("url")(lambda value: web_address(value))


class Hub(Group):
    """The model hub, as its own libraries read it."""

    model_config = SettingsConfigDict(env_prefix="HF_")
    title = "Model hub"

    token: Annotated[SecretStr | None, _setting("For models behind a licence.")] = None
    home: Annotated[str | None, _setting("Where its libraries keep models; unset: the user's cache folder.")] = None
    endpoint: Annotated[str | None, _setting("Another hub's address.")] = None
    hub_offline: Annotated[str | None, _setting("Set, the hub is not asked.")] = None


class Host(Group):
    """A GPU host's container, and the machine it stands on."""

    title = "Host"

    pool: Annotated[str, _setting("Its work pool.")] = "gpu"
    jobs_at_once: Annotated[int, _setting("Jobs at once.", ge=1)] = 1
    models: Annotated[str, _setting("The models that must be there, and are kept warm.")] = AUTO
    scale_in_protection: Annotated[
        str | None, _setting("On AWS: set, this instance is protected while a job runs.")
    ] = None
    instance_id: Annotated[str | None, _setting("On AWS: this instance.")] = None
    lifecycle_hook: Annotated[str, _setting("On AWS: the hook that holds it at its end.")] = "ecg-drain"


class Observation(Group):
    """What operators see."""

    title = "Observation"

    log_format: Annotated[str, _setting("`json` or `text`.", environment.LOG_FORMAT)] = "text"
    cloudwatch: Annotated[
        Literal["emf", "api"] | None,
        _setting("How CloudWatch hears of jobs and queue: `emf` (lines on stderr) or `api`; unset: it does not."),
    ] = None


GROUPS: tuple[type[Group], ...] = (
    Files, Sources, Bucket, Retention, Models, Engine, Emotion, Events, Callbacks, Runs, TimeLimits, Gateway, Prefect,
    Hub, Host, Observation,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Held:
    """One setting as it holds.

    Attributes:
        variable: its name.
        value: as text; a secret's is masked.
        whence: `environment`, a block, or `default`.
    """

    variable: str
    value: str
    whence: str


def held(group: type[Group]) -> Iterator[Held]:
    """What holds in this process, field by field.

    Raises:
        InvalidRequest: one cannot be used; the message names its variable.
    """
    read = group.read()
    source, beneath = beneath_of(group)
    for field in group.model_fields:
        found = group.found(field, os.environ)
        whence = "environment" if found else source if field in beneath else "default"
        yield Held(found or group.variable(field), _shown(getattr(read, field)), whence)


def _shown(value: object) -> str:
    if isinstance(value, SecretStr):
        return "********"
    if isinstance(value, dict):
        return ",".join(f"{name}={each}" for name, each in value.items())
    if isinstance(value, tuple):
        return ",".join(str(each) for each in value)
    return "" if value is None else str(value)


def _listed(value: object) -> object:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


INTRODUCTION = """# Settings

Every setting is an environment variable. An empty one counts as not set, and one that cannot be used is refused with
its name. `ecg settings` prints what holds on this machine, and whence.

This page is generated: `python -m ecg_audio.settings > docs/settings.md`.
"""


def markdown() -> str:
    """The page: a table for each group."""
    return INTRODUCTION + "".join(_section(group) for group in GROUPS)


def _section(group: type[Group]) -> str:
    rows = "".join(_row(group, name, field) for name, field in group.model_fields.items())
    said = (group.__doc__ or "").partition("\n")[0]
    return f"\n## {group.title}\n\n{said}\n\n| variable | meaning | default |\n|---|---|---|\n{rows}"


def _row(group: type[Group], name: str, field: FieldInfo) -> str:
    variables = " or ".join(f"`{variable}`" for variable in group.variables(name))
    default = _shown(field.get_default())
    return f"| {variables} | {group.sentence(name)} | {f'`{default}`' if default else ''} |\n"


if __name__ == "__main__":
    print(markdown(), end="")  # noqa: T201 - printing is what this command is for
