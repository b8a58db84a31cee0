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
from ecg_audio.speech import alignment, diarization, language, plan, quality, whisperx_models, whisperx_prompt
from ecg_audio.speech.alignment import Piece
from ecg_audio.speech.engine import Guidance, SpeakerCount
from ecg_audio.speech.whisperx_models import VAD_OFFSET, VAD_ONSET, models
from ecg_audio.speech.whisperx_settings import WhisperXSettings

RATE_HZ = 16_000
FRAME_SAMPLES = 160
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
    samples = _samples(path)
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
    samples = _samples(path)

    def attempt(rung: Rung) -> tuple[list[Utterance], tuple[Notice, ...]]:
        aligner, missing = _aligner(settings, found, rung.device)
        recogniser = _first(settings) if rung.device == settings.device else Rung("cpu", 1, "int8")
        done = []
        for number, utterance in enumerate(found.utterances, 1):
            timed = _timed(samples, utterance, found, settings, aligner, recogniser)
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
    samples = _samples(path)
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
        found = model.model.detect_language(model.encode(_features(model, _cut(samples, place))))[0]
        probabilities = {token[2:-2]: float(probability) for token, probability in found}
        ballots.append(language.Ballot(place.end_s - place.start_s, probabilities))
    spoken, probability = language.vote(ballots)
    return spoken, round(probability, 4)


def _aligner(
    settings: WhisperXSettings, found: Transcript, device: str
) -> tuple[tuple[Any, dict[str, Any]] | None, tuple[Notice, ...]]:
    """The aligner for a transcript, if there is one, and a notice where there should be."""
    if found.task == "translate":
        return None, ()  # none finds English words in the sound of another language
    try:
        return whisperx_models.aligner(settings, found.language, device), ()
    except whisperx_models.AlignerOutOfReach as missing:
        message = (
            f"{missing}, the aligner for {found.language!r}, is not on this machine, and the hub does not answer: "
            f"words have the recogniser's own times; `ecg models fetch --language {found.language}` gets it"
        )
        return None, (Notice(code="ALIGNER_MISSING", message=message),)


def _timed(
    samples: NDArray[np.float32],
    utterance: Utterance,
    found: Transcript,
    settings: WhisperXSettings,
    aligner: tuple[Any, dict[str, Any]] | None,
    rung: Rung,
) -> Utterance:
    within = Span(start_s=utterance.start_s, end_s=utterance.end_s)
    pieces = _aligned(samples, utterance, aligner) if aligner else []
    if pieces:
        return utterance.model_copy(update={"words": alignment.words(pieces, within, "aligned")})
    # no aligner for this language, or this text is beyond it
    attended = _attended(samples, utterance, found, whisperx_models.recogniser(settings, rung).model)
    written = "en" if found.task == "translate" else found.language
    pieces = alignment.gathered(utterance.text, attended, written)
    return utterance.model_copy(update={"words": alignment.words(pieces, within, "engine")})


def _aligned(samples: NDArray[np.float32], utterance: Utterance, aligner: tuple[Any, dict[str, Any]]) -> list[Piece]:
    """The words as the forced aligner places them; none where it cannot place the text at all."""
    import whisperx.alignment

    model, about = aligner
    device = str(next(model.parameters()).device)
    # a capital whose small form is two letters would shift all that follow
    text = "".join(letter if len(letter.lower()) == 1 else letter.lower()[0] for letter in utterance.text)
    segment = {"start": utterance.start_s, "end": utterance.end_s, "text": text}
    with diarization.quiet():
        found = whisperx.alignment.align([segment], model, about, samples, device)["word_segments"]
    unspaced = about["language"] in whisperx.alignment.LANGUAGES_WITHOUT_SPACES
    written = [letter for letter in utterance.text if not letter.isspace()] if unspaced else utterance.text.split()
    if len(found) != len(written):
        return []
    return [_piece(word, times, about["dictionary"]) for word, times in zip(written, found, strict=True)]


def _piece(word: str, times: dict[str, Any], dictionary: dict[str, int]) -> Piece:
    # numerals and symbols: whisperx gives them whatever sounds there, which is no alignment
    if "start" not in times or "end" not in times or not any(letter in dictionary for letter in word.lower()):
        return Piece(word)
    span = Span(start_s=float(times["start"]), end_s=max(float(times["start"]), float(times["end"])))
    return Piece(word, span, float(times["score"]) if "score" in times else None)


def _attended(samples: NDArray[np.float32], utterance: Utterance, found: Transcript, model: Any) -> list[Piece]:
    """Where the recogniser itself looked when it wrote each word (its cross-attention, by dynamic time warping)."""
    from faster_whisper.tokenizer import Tokenizer

    tokenizer = Tokenizer(model.hf_tokenizer, model.model.is_multilingual, task=found.task, language=found.language)
    tokens = [token for token in tokenizer.encode(" " + utterance.text) if token < tokenizer.eot]
    if len(tokens) >= model.max_length // 2:
        return [Piece(utterance.text)]
    sound = _cut(samples, Span(start_s=utterance.start_s, end_s=utterance.end_s))
    encoded = model.encode(_features(model, sound))
    frames = max(1, len(sound) // FRAME_SAMPLES)
    return [
        Piece(
            word["word"],
            Span(
                start_s=utterance.start_s + float(word["start"]),
                end_s=utterance.start_s + max(float(word["start"]), float(word["end"])),
            ),
            float(word["probability"]),
        )
        for word in model.find_alignment(tokenizer, [tokens], encoded, frames)[0]
    ]


# Samples


@functools.lru_cache(maxsize=1)  # one recording at a time: that is what this process is for
def _read(path: str, _size: int, _modified_ns: int) -> NDArray[np.float32]:
    import soundfile

    samples, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
    assert rate_hz == RATE_HZ, f"{path} has {rate_hz} Hz"
    return np.ascontiguousarray(samples.mean(axis=1, dtype=np.float32))


def _samples(path: str) -> NDArray[np.float32]:
    status = Path(path).stat()
    return _read(path, status.st_size, status.st_mtime_ns)


def _cut(samples: NDArray[np.float32], span: Span) -> NDArray[np.float32]:
    return samples[round(span.start_s * RATE_HZ) : round(span.end_s * RATE_HZ)]


def _features(model: Any, sound: NDArray[np.float32]) -> Any:
    from whisperx.audio import N_SAMPLES, log_mel_spectrogram

    bands = model.feat_kwargs.get("feature_size") or 80
    return log_mel_spectrogram(sound[:N_SAMPLES], n_mels=bands, padding=max(0, N_SAMPLES - len(sound)))
