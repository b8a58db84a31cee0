"""What is said: Whisper, in batches as whisperx runs it, over the stretches in which somebody speaks.

For the model process alone.
"""

import dataclasses
import functools
import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ecg_audio.analysis import Notice, Span, Task, Transcript, Utterance
from ecg_audio.compute import hub
from ecg_audio.compute.memory_ladder import Placement, descend, fallbacks
from ecg_audio.errors import LanguageUnsupported
from ecg_audio.progress import Report, silent
from ecg_audio.request import AUTO, EMBEDDED, Guidance
from ecg_audio.speech import activity, detection, guidance, language, loaders, plan, suspect, weights
from ecg_audio.speech.settings import EngineSettings
from ecg_audio.speech.sound import cut, features

FRAME_SAMPLES = 160
PROBABILITY_DECIMALS = 4
FINDING_SHARE = 0.2  # of recognition's progress: finding where somebody speaks


class Text(NamedTuple):
    """What a recogniser writes for a sound.

    Attributes:
        text: without white space around it, and with one space for any within.
        log_probability: the mean of its tokens' and of its end's.
        parts: the text as its tokens cut it, each part with its probability after those before.
    """

    text: str
    log_probability: float
    parts: tuple[tuple[str, float], ...]


def transcribe(
    path: str, settings: EngineSettings, asked: str, guided: Guidance, *, report: Report = silent
) -> Transcript:
    """What is said in a 16 kHz mono FLAC or WAV. The utterances have no words yet: `align` finds them.

    Raises:
        LanguageUnsupported: the model is for English alone and another language is asked.
        ModelLoadingFailed, ModelAccessDenied: a model cannot be had.
        GpuMemoryExhausted: no step of the ladder had enough memory.
    """
    loaders.prepare(settings)
    heard, finding_notices = descend(
        list(fallbacks(Placement(settings.device, 1))),
        lambda placement: detection.detect(path, placement.device, lambda fraction: report(FINDING_SHARE * fraction)),
        what="finding speech",
        free=functools.partial(loaders.loaded_models.drop, "segmentation"),
    )
    report(FINDING_SHARE)

    def attempt(placement: Placement) -> Transcript:
        recognition = _Recognition(
            _name(settings),
            loaders.recogniser(settings, placement),
            heard,
            settings.chunk_s,
            placement.batch_size,
            lambda fraction: report(FINDING_SHARE + (1 - FINDING_SHARE) * fraction),
        )
        return recognition.run(asked, guided)

    found, notices = descend(
        plan.placements("transcribe", heard.duration_s, settings),
        attempt,
        what="recognition",
        free=functools.partial(loaders.loaded_models.drop, "recogniser"),
    )
    report(1.0)
    return found.model_copy(
        update={
            "utterances": activity.later(found.utterances, heard.lead_s),
            "speech": activity.later(found.speech, heard.lead_s),
            "notices": (*finding_notices, *notices, *found.notices),
        }
    )


class _Recognition:
    """One pass of a recogniser over a recording.

    Args:
        name: what results call the model.
        recogniser: whisperx's: `model` and `options`.
        heard: the recording.
        longest_s: of a stretch that is recognised at once.
        batch_size: how many stretches are recognised at once.
        report: hears the finished fraction.
    """

    def __init__(
        self, name: str, recogniser: Any, heard: detection.Detected, longest_s: float, batch_size: int, report: Report
    ) -> None:
        self._name = name
        self._model = recogniser.model
        self._options = recogniser.options
        self._heard = heard
        self._longest_s = longest_s
        self._batch_size = batch_size
        self._report = report
        self._done = 0  # stretches

    def run(self, asked: str, guided: Guidance) -> Transcript:
        """Recognise every stretch in its language; times are from the first sound on."""
        named = self._named(asked)
        heard = self._heard
        if not heard.speech:
            return Transcript(model=self._name, language=named or "und", utterances=(), speech=())
        regions = (
            () if named else language.regions(language.asked(heard.speech, heard.duration_s, heard.scores, self._ask))
        )
        overall, probability = (named, None) if named else language.spoken(regions)
        borders = [region.start_s for region in regions[1:]]
        stretches = activity.stretches(
            heard.speech, heard.duration_s, self._longest_s, scores=heard.scores, borders=borders
        )
        led_by, shortened = guidance.fitting(guided, self._model)
        self._options = dataclasses.replace(
            self._options, initial_prompt=led_by.initial_prompt, hotwords=led_by.hotwords
        )
        languages = [language.at(regions, stretch) if regions else overall for stretch in stretches]
        found: list[Utterance] = []
        for code in dict.fromkeys(languages):
            own = [stretch for stretch, its in zip(stretches, languages, strict=True) if its == code]
            found += self._recognised(own, code, guided.translate, len(stretches))
        translated = guided.translate and overall != "en"
        return Transcript(
            model=self._name,
            language=overall,
            language_probability=probability,
            task="translate" if translated else "transcribe",
            utterances=tuple(sorted(found, key=lambda one: one.start_s)),
            speech=heard.speech,
            notices=(*shortened, *language.doubts(regions), *([_translated(overall)] if translated else [])),
        )

    def _named(self, asked: str) -> str | None:
        """The language that is known beforehand; None: it is to be found."""
        if self._model.model.is_multilingual:
            return None if asked == AUTO else asked
        if asked not in (AUTO, "en"):
            raise LanguageUnsupported(f"this Whisper model has English only, not {asked!r}")
        return "en"

    def _ask(self, place: Span) -> dict[str, float]:
        """How likely each language is in a place. A spectrogram shorter than 30 s takes that much less work."""
        sound = cut(self._heard.samples, place)
        spectrogram = features(self._model, sound)[:, : max(1, len(sound) // FRAME_SAMPLES)]
        found = self._model.model.detect_language(self._model.encode(spectrogram))[0]
        return {token[2:-2]: float(probability) for token, probability in found}

    def _recognised(self, stretches: Sequence[Span], code: str, translate: bool, all_of: int) -> list[Utterance]:
        """The text of stretches in one language. One whose text goes in circles is cut at a pause and asked again."""
        task: Task = "translate" if translate and code != "en" else "transcribe"
        utterances: list[Utterance] = []
        waiting = list(stretches)
        while waiting:
            batch, waiting = waiting[: self._batch_size], waiting[self._batch_size :]
            texts = written(self._model, self._options, [cut(self._heard.samples, span) for span in batch], code, task)
            for span, text in zip(batch, texts, strict=True):
                halves = activity.split(span, self._heard.speech) if suspect.repetitive(text.text) else ()
                if halves:
                    waiting += halves
                elif text.text:
                    utterances.append(utterance(span, text, code))
            self._done += len(batch)
            self._report(min(1.0, self._done / all_of))
        return utterances


def written(model: Any, options: Any, sounds: Sequence[NDArray[np.float32]], code: str, task: Task) -> list[Text]:
    """What a recogniser writes for sounds of up to 30 s, in one batch.

    Whisperx's own call keeps the text alone: this one also asks, in one pass of the decoder over what is written, how
    probable each token is.

    Args:
        model: whisperx's `WhisperModel`.
        options: of its transcription.
        sounds: (samples,) each, 16 kHz.
        code: the language.
        task: transcribe or translate.
    """
    from faster_whisper.tokenizer import Tokenizer

    tokenizer = Tokenizer(model.hf_tokenizer, model.model.is_multilingual, task=task, language=code)
    before = tokenizer.encode(f" {options.initial_prompt.strip()}") if options.initial_prompt else []
    prompt = model.get_prompt(tokenizer, before, without_timestamps=True, hotwords=options.hotwords)
    encoded = model.encode(np.stack([features(model, sound).numpy() for sound in sounds]))
    found = model.model.generate(
        encoded,
        [prompt] * len(sounds),
        beam_size=options.beam_size,
        patience=options.patience,
        length_penalty=options.length_penalty,
        max_length=model.max_length,
        suppress_blank=options.suppress_blank,
        suppress_tokens=options.suppress_tokens,
        no_repeat_ngram_size=options.no_repeat_ngram_size,
        repetition_penalty=options.repetition_penalty,
        return_scores=True,
    )
    tokens = [[token for token in one.sequences_ids[0] if token < tokenizer.eot] for one in found]
    frames = [max(1, len(sound) // FRAME_SAMPLES) for sound in sounds]
    told = model.model.align(encoded, prompt[:-1], tokens, frames)  # it says "no timestamps" itself
    texts = []
    for one, own, of_own in zip(found, tokens, told, strict=True):
        length = len(one.sequences_ids[0])
        texts.append(
            Text(
                " ".join(tokenizer.tokenizer.decode(own).split()),
                float(one.scores[0] * length**options.length_penalty / (length + 1)),
                tuple(_parts(tokenizer, own, of_own.text_token_probs)),
            )
        )
    return texts


def _parts(tokenizer: Any, tokens: Sequence[int], probabilities: Sequence[float]) -> Iterator[tuple[str, float]]:
    """The parts of a text that its tokens make, none of which tears a letter, with the probability of each."""
    at = 0
    words, within = tokenizer.split_to_word_tokens([*tokens, tokenizer.eot])
    for word, own in zip(words[:-1], within[:-1], strict=True):
        yield word, round(math.prod(probabilities[at : at + len(own)]), PROBABILITY_DECIMALS)
        at += len(own)


def utterance(span: Span, text: Text, code: str) -> Utterance:
    """What was written for a span, as yet without words."""
    return Utterance(
        start_s=span.start_s,
        end_s=span.end_s,
        text=text.text,
        words=(),
        language=code,
        log_probability=round(text.log_probability, 4),
        written=text.parts,
    )


def _name(settings: EngineSettings) -> str:
    if settings.model == EMBEDDED:
        return weights.WHISPER_NAME
    return hub.called(settings.model)


def _translated(spoken: str) -> Notice:
    message = (
        f"the text is the recogniser's English translation of speech in {spoken!r}; "
        "the times of its words are the recogniser's own, and rough"
    )
    return Notice(code="TRANSLATED", message=message)
