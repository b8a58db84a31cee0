"""Tiny models trained on synthetic speech, and recordings of that speech: the speech engine without a hub.

`asr` is a Whisper of 0.9 MB (English and a little Korean), `aligner` a wav2vec2 for English. They know the sentences in
`synthesis.py` and nothing else.
"""

import json
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
CONVERSATION = HERE / "conversation.flac"
KOREAN = HERE / "korean.flac"
REFERENCE: dict[str, list[dict[str, Any]]] = json.loads((HERE / "reference.json").read_text())

SETTINGS: dict[str, str] = {
    # as an operator would set them, in the environment
    "ECG_WHISPERX_MODEL": str(HERE / "asr"),
    "ECG_WHISPERX_ALIGN_MODELS": f"en={HERE / 'aligner'},ko=none",
    "ECG_WHISPERX_DIARIZATION": "embedded",
    "ECG_WHISPERX_DEVICE": "cpu",
    "ECG_WHISPERX_BATCH_SIZE": "4",
    "ECG_WHISPERX_BEAM_SIZE": "1",
    "ECG_WHISPERX_CHUNK_S": "4",  # one sentence at a time: they were trained on little more
}
