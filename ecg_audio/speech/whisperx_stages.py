"""The WhisperX engine's stages, as its one model process runs them.

Its functions are called through a `Child`. Recognition is whisperx's batched pipeline, alignment is whisperx's forced
alignment, diarization is pyannote's; what they return is put into our words here and nowhere else.
"""

import dataclasses
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecg_audio.analysis import Diarization, Notice, Span, Task, Transcript, Utterance
from ecg_audio.compute.memory import Meter, Metered
from ecg_audio.compute.models import Rung, descend, rungs
from ecg_audio.errors import LanguageUnsupported
from ecg_audio.progress import Report, silent
from ecg_audio.speech import diarization, language, plan, quality, whisperx_models, whisperx_prompt, whisperx_words
from ecg_audio.speech.engine import Guidance, SpeakerCount
from ecg_audio.speech.whisperx_models import VAD_OFFSET, VAD_ONSET, models
from ecg_audio.speech.whisperx_settings import WhisperXSettings
from ecg_audio.speech.whisperx_sound import RATE_HZ, cut, features, samples_of

VAD_SHARE = 0.1  # of recognition's progress


def prepare(settings: WhisperXSettings, *, report: Report = silent) -> None:
    """Import everything, and load what every recording needs.

    What cannot be loaded now is for the stage that needs it to tell.
    """
    whisperx_models.prepare(settings)
    whisperx_models.vad(settings.device)
    whisperx_models.recogniser(settings, _first(settings))
    whisperx_models.pipeline(settings, settings.device)
    report(1.0)


def metered(
    stage: str, *arguments: Any, report: Report = silent
) -> tuple[Any, Metered, dict[str, int], tuple[str, ...]]:
    """Run a stage; returns its result, what it took, how often each kind was loaded until now, and what still is."""
    stages: dict[str, Callable[..., Any]] = {"transcribe": transcribe, "align": align, "diarize": diarize}
    with Meter() as meter:
        found = stages[stage](*arguments, report=report)
    return found, meter.measured, dict(models.loads), models.loaded


def unload(idle_s: float, *, report: Report = silent) -> tuple[str, ...]:
    """Give back models that nobody has used for so long; returns the kinds that stay."""
    models.drop_idle(idle_s)
    report(1.0)
    return models.loaded


def transcribe(
    path: str, settings: WhisperXSettings, asked: str, guidance: Guidance, *, report: Report = silent
) -> Transcript:
    """What is said in a 16 kHz mono FLAC or WAV. The utterances have no words yet: `align` finds them.

    Raises:
        LanguageUnsupported: the model is for English alone and another language is asked.
        ModelLoadingFailed, ModelAccessDenied: a model cannot be had.
        GpuMemoryExhausted: no step of the ladder had enough memory.
    """
    whisperx_models.prepare(settings)
    samples = samples_of(path)
    chunks, vad_notices = descend(
        list(rungs(Rung(settings.device, 1))),
        lambda rung: _chunks(samples, whisperx_models.vad(rung.device), settings.chunk_s),
        what="voice detection",
        free=functools.partial(models.drop, "vad"),
    )
    report(VAD_SHARE)

    def attempt(rung: Rung) -> Recognised:
        recogniser = whisperx_models.recogniser(settings, rung)
        spoken, probability = _spoken(recogniser.model, samples, chunks, asked)
        task: Task = "translate" if guidance.translate and spoken not in ("en", "und") else "transcribe"
        if not chunks:
            return Recognised(spoken, probability, task, [])
        led_by, shortened = whisperx_prompt.fitting(guidance, recogniser.model)
        recogniser.options = dataclasses.replace(
            recogniser.options, initial_prompt=led_by.initial_prompt, hotwords=led_by.hotwords
        )
        recogniser.vad_model.chunks = chunks
        with diarization.quiet():
            found = recogniser.transcribe(
                samples,
                batch_size=rung.batch_size,
                language=spoken,
                task=task,
                progress_callback=lambda percent: report(VAD_SHARE + (1 - VAD_SHARE) * percent / 100),
            )
        return Recognised(spoken, probability, task, found["segments"], shortened)

    recognised, notices = descend(
        plan.ladder("transcribe", len(samples) / RATE_HZ, settings),
        attempt,
        what="recognition",
        free=functools.partial(models.drop, "recogniser"),
    )
    duration_s = len(samples) / RATE_HZ
    report(1.0)
    return Transcript(
        engine="whisperx",
        model=Path(settings.model).name if Path(settings.model).is_dir() else settings.model,
        language=recognised.language,
        language_probability=recognised.probability,
        task=recognised.task,
        utterances=tuple(
            Utterance(start_s=segment["start"], end_s=min(duration_s, segment["end"]), text=text, words=())
            for segment in recognised.segments
            if (text := " ".join(segment["text"].split()))
        ),
        speech=tuple(
            Span(start_s=max(0.0, start_s), end_s=min(duration_s, end_s))
            for chunk in chunks
            for start_s, end_s in chunk["segments"]
        ),
        notices=(*vad_notices, *notices, *recognised.notices, *_translated(recognised)),
    )


@dataclasses.dataclass(frozen=True, slots=True)
class Recognised:
    """What the recogniser returned, in whisperx's segments, and how it was asked."""

    language: str
    probability: float | None
    task: Task
    segments: list[dict[str, Any]]
    notices: tuple[Notice, ...] = ()


def align(path: str, settings: WhisperXSettings, found: Transcript, *, report: Report = silent) -> Transcript:
    """Give each utterance its words: timed by the language's aligner, where it has none by the recogniser itself.

    Raises:
        ModelLoadingFailed, ModelAccessDenied: the aligner cannot be had.
        GpuMemoryExhausted: not even the CPU's memory sufficed.
    """
    if not found.utterances:
        return found
    whisperx_models.prepare(settings)
    samples = samples_of(path)

    def attempt(rung: Rung) -> tuple[list[Utterance], tuple[Notice, ...]]:
        aligner, missing = whisperx_words.aligner(settings, found, rung.device)
        recogniser = _first(settings) if rung.device == settings.device else Rung("cpu", 1, "int8")
        done = []
        for number, utterance in enumerate(found.utterances, 1):
            timed = whisperx_words.timed(samples, utterance, found, settings, aligner, recogniser)
            done.append(quality.examined(timed, found.speech))
            report(number / len(found.utterances))
        return done, missing

    (utterances, missing), notices = descend(
        plan.ladder("align", len(samples) / RATE_HZ, settings),
        attempt,
        what="alignment",
        free=functools.partial(models.drop, "aligner"),
    )
    return found.model_copy(update={"utterances": tuple(utterances), "notices": (*found.notices, *missing, *notices)})


def diarize(path: str, settings: WhisperXSettings, speakers: SpeakerCount, *, report: Report = silent) -> Diarization:
    """Who spoke when in a FLAC or WAV. In single precision always: half of it wrecks the clustering.

    Raises:
        ModelLoadingFailed, ModelAccessDenied: the pipeline cannot be had.
        GpuMemoryExhausted: no step of the ladder had enough memory.
    """
    whisperx_models.prepare(settings)
    samples = samples_of(path)
    name = Path(settings.diarization).name if Path(settings.diarization).is_dir() else settings.diarization

    def attempt(rung: Rung) -> Diarization:
        pipeline = whisperx_models.pipeline(settings, rung.device)
        pipeline.segmentation_batch_size = pipeline.embedding_batch_size = rung.batch_size
        return diarization.diarize(pipeline, samples, RATE_HZ, model=name, speakers=speakers, report=report)

    found, notices = descend(
        plan.ladder("diarize", len(samples) / RATE_HZ, settings),
        attempt,
        what="diarization",
        free=functools.partial(models.drop, "diarization"),
    )
    return found.model_copy(update={"notices": (*found.notices, *notices)})


# Speech


def _translated(recognised: Recognised) -> tuple[Notice, ...]:
    if recognised.task != "translate" or not recognised.segments:
        return ()
    message = (
        f"the text is the recogniser's English translation of speech in {recognised.language!r}; "
        "the times of its words are the recogniser's own, and rough"
    )
    return (Notice(code="TRANSLATED", message=message),)


def _first(settings: WhisperXSettings) -> Rung:
    return Rung(settings.device, settings.batch_size, settings.compute_type)


def _chunks(samples: NDArray[np.float32], vad: Any, chunk_s: float) -> list[dict[str, Any]]:
    """Stretches of speech as whisperx recognises them: `start`, `end`, and the voiced `segments` in between."""
    if not len(samples):
        return []
    import torch
    from whisperx.vads import Pyannote

    with diarization.quiet():
        scores = vad({"waveform": torch.from_numpy(samples)[None], "sample_rate": RATE_HZ})
        chunks: list[dict[str, Any]] = Pyannote.merge_chunks(scores, chunk_s, onset=VAD_ONSET, offset=VAD_OFFSET)
    return [chunk for chunk in chunks if chunk["end"] > chunk["start"]]


def _spoken(
    model: Any, samples: NDArray[np.float32], chunks: list[dict[str, Any]], asked: str
) -> tuple[str, float | None]:
    """The language to recognise, and how likely it is where nobody said which."""
    if not model.model.is_multilingual:
        if asked not in ("auto", "en"):
            raise LanguageUnsupported(f"this Whisper model has English only, not {asked!r}")
        return "en", None
    if asked != "auto" or not chunks:
        return (asked if asked != "auto" else "und"), None
    ballots = []
    for place in language.polling_places([Span(start_s=chunk["start"], end_s=chunk["end"]) for chunk in chunks]):
        found = model.model.detect_language(model.encode(features(model, cut(samples, place))))[0]
        probabilities = {token[2:-2]: float(probability) for token, probability in found}
        ballots.append(language.Ballot(place.end_s - place.start_s, probabilities))
    spoken, probability = language.vote(ballots)
    return spoken, round(probability, 4)
