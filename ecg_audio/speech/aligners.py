"""Which aligner whisperx itself takes for a language, and whether it is on this machine; light, for whoever decides."""

import ast
import functools
import importlib.util
import os
from collections.abc import Mapping
from pathlib import Path

from ecg_audio.compute import hub

TABLES = ("DEFAULT_ALIGN_MODELS_HF", "DEFAULT_ALIGN_MODELS_TORCH")  # where both have a language, the second decides
TORCHAUDIO_FILES: Mapping[str, str] = {
    # torchaudio's bundles are no hub names: their files lie in torch's own cache
    "WAV2VEC2_ASR_BASE_960H": "wav2vec2_fairseq_base_ls960_asr_ls960.pth",
    **{
        f"VOXPOPULI_ASR_BASE_10K_{code.upper()}": f"wav2vec2_voxpopuli_base_10k_asr_{code}.pt"
        for code in ("de", "en", "es", "fr", "it")
    },
}


@functools.cache
def own() -> Mapping[str, str]:
    """The aligner whisperx has for each language; none at all where whisperx is not installed.

    Its tables are read from its source: to import it takes torch, and ten seconds.
    """
    package = importlib.util.find_spec("whisperx")
    if package is None or package.origin is None:
        return {}
    tree = ast.parse(Path(package.origin).with_name("alignment.py").read_text(encoding="utf-8"))
    tables = {
        target.id: ast.literal_eval(statement.value)
        for statement in tree.body
        if isinstance(statement, ast.Assign)
        for target in statement.targets
        if isinstance(target, ast.Name) and target.id in TABLES
    }
    return {language: name for table in TABLES for language, name in tables.get(table, {}).items()}


def here(name: str) -> bool:
    """Whether an aligner can be loaded without a network."""
    if name in TORCHAUDIO_FILES:
        return (_torch_cache() / TORCHAUDIO_FILES[name]).is_file()
    return hub.on_disk(name)


def _torch_cache() -> Path:
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(os.environ.get("TORCH_HOME") or caches / "torch").expanduser() / "hub" / "checkpoints"
