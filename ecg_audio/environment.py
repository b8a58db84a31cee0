"""Which variables a program is given: those that its kind needs, by name, so that no secret travels along unnoticed.

A name may end with `*`, which stands for whatever follows, but for none of `SECRETS`: those are given where they are
named as they stand there.
"""

from collections.abc import Iterable, Mapping

# Settings that decoders, and programs that must start in milliseconds, read by themselves: `settings` says what they
# mean, and importing it takes longer than such a program may.
WORK_DIR, CACHE_DIR, UMASK, LOG_FORMAT = "ECG_WORK_DIR", "ECG_CACHE_DIR", "ECG_UMASK", "ECG_LOG_FORMAT"
WARM_SOCKET = "ECG_WARM_SOCKET"

MACHINE = (
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "LC_*", "TZ", "TMPDIR", "TEMP", "TMP", "XDG_*",
    "PYTHON*", "VIRTUAL_ENV", "LD_*", "MALLOC_*", "OMP_*", "MKL_*", "OPENBLAS_*", "NUMBA_*",
    WORK_DIR, CACHE_DIR, "ECG_FAMILY", LOG_FORMAT, UMASK,
)  # fmt: skip
"""What every program needs to find itself: folders, language, threads. Decoders get this and nothing else."""
CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
PROXIES = tuple(
    spelled
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
    for spelled in (name, name.lower())
)  # fmt: skip
PREFECT_PROGRAM = (
    *MACHINE, *CERTIFICATES, *PROXIES, "PREFECT_*", "OTEL_*", "DO_NOT_TRACK", "DISABLE_TELEMETRY",
    "TERM", "COLUMNS", "NO_COLOR", "FORCE_COLOR",
)  # fmt: skip
"""Of whatever runs Prefect: its settings, and what its log looks like."""
FFMPEG = (*MACHINE, "FONTCONFIG_*")
"""Of an ffmpeg of the user's own, which finds the fonts of captions."""
DOWNLOADER = (*MACHINE, *CERTIFICATES, "ECG_ALLOWED_NETWORKS")
"""Of the process that looks at platforms' pages; it goes through no proxy."""
HUB = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
MODELS = (
    *MACHINE, *CERTIFICATES, *PROXIES, *HUB, "HF_*", "HUGGINGFACE_*", "TRANSFORMERS_*",
    "TOKENIZERS_*", "TORCH*", "PYTORCH_*", "PYANNOTE_*", "CT2_*", "KMP_*", "NLTK_DATA", "MPLCONFIGDIR",
    "CUDA*", "CUBLAS_*", "CUDNN_*", "NVIDIA_*", "NCCL_*", "DO_NOT_TRACK", "OTEL_*",
    "ECG_WHISPERX_*", "ECG_EMOTION_*", "ECG_EVENT_MODEL*", "ECG_MODELS_IDLE_S",
)  # fmt: skip
"""Of processes that hold models: the hub's variables with its token, and the graphics card's."""

STORE = ("AWS_*",)
SIGNING = ("ECG_CALLBACK_SECRET",)
CALLERS = ("ECG_GATEWAY_API_KEY",)
PREFECT = ("PREFECT_API_KEY", "PREFECT_API_AUTH_STRING", "PREFECT_CLIENT_CUSTOM_HEADERS")
PREFECT_SERVER = ("PREFECT_SERVER_API_AUTH_STRING", "PREFECT_SERVER_DATABASE_*", "PREFECT_API_DATABASE_*")
SECRETS = (*HUB, *STORE, *SIGNING, *CALLERS, *PREFECT, *PREFECT_SERVER)
"""What a program is given only if its list says so."""


def chosen(given: Mapping[str, str], names: Iterable[str]) -> dict[str, str]:
    """The variables with these names, those that are set."""
    names = tuple(names)
    secrets = tuple(name for name in names if name in SECRETS)
    return {name: value for name, value in given.items() if _is_one(name, secrets if _is_one(name, SECRETS) else names)}


def _is_one(name: str, names: tuple[str, ...]) -> bool:
    return any(name.startswith(known[:-1]) if known.endswith("*") else name == known for known in names)
