"""What Whisper is led by, cut to the room it has for it."""

from dataclasses import replace
from typing import Any

from ecg_audio.analysis import Notice
from ecg_audio.request import Guidance


def fitting(guidance: Guidance, model: Any) -> tuple[Guidance, tuple[Notice, ...]]:
    """The guidance as far as a Whisper model can take it, and a notice where something was left out.

    Half of a model's text length is for what came before. faster-whisper gives each of prompt and hotwords so much, and
    a model with both full would have no room left to answer.

    Args:
        guidance: as asked.
        model: a faster-whisper model.
    """
    room = model.max_length // 2 - 1

    def tokens(text: str) -> int:
        return len(model.hf_tokenizer.encode(" " + text, add_special_tokens=False).ids) if text else 0

    hotwords = guidance.hotwords or ""
    while tokens(hotwords) > room:
        hotwords = hotwords[:-1]  # the first words are the likeliest
    prompt = guidance.initial_prompt or ""
    while tokens(prompt) > room - tokens(hotwords):
        prompt = prompt[1:]  # the end is nearest to what is said
    cut = replace(guidance, initial_prompt=prompt.strip() or None, hotwords=hotwords.strip() or None)
    if cut == guidance:
        return guidance, ()
    message = f"initial prompt and hotwords are longer than the {room} tokens that the recogniser takes: they were cut"
    return cut, (Notice(code="PROMPT_CUT", message=message),)
