"""analyze: one recording, from its source to published results."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from prefect import flow, runtime
from prefect.task_runners import ThreadPoolTaskRunner

from blocks.engine import use_settings
from blocks.forgetting import remember
from blocks.storage import ArtifactStore, check_source, key_of, open_store
from ecg_audio import modes, workspace
from ecg_audio.analysis import Emotion, Media, Recording
from ecg_audio.errors import DiarizationFailed, EcgError, EngineUnavailable, MeasurementFailed, TooLong, WorkerLost
from ecg_audio.media import source
from ecg_audio.progress import Progress, listeners, tracked
from ecg_audio.request import AnalysisRequest
from ecg_audio.results.outcome import Outcome, outcome
from ecg_audio.results.retention import UPLOAD, UPLOADED_AS
from ecg_audio.sounds import classifier, kinds
from ecg_audio.speech import engine
from ecg_audio.voice import emotion
from flows.callbacks import answered
from flows.faults import resumable
from flows.observation import begin, observed
from flows.stages import Stages
from flows.summary import summarise
from tasks.align import align, align_key
from tasks.assemble import Findings, assemble
from tasks.caching import kept, known
from tasks.classify_emotion import classify_emotion, classify_emotion_key
from tasks.diarize import diarize, diarize_key, read_channels
from tasks.download import download, download_key
from tasks.extract import extract, extract_key
from tasks.find_events import find_events, find_events_key
from tasks.measure import frames_key, measure, measure_key
from tasks.publish import publish
from tasks.retrying import patient
from tasks.transcribe import transcribe, transcribe_key

STAGES = (
    "download",
    "extract",
    "measure",
    "transcribe",
    "align",
    "diarize",
    "classify_emotion",
    "find_events",
    "assemble",
    "publish",
)

MODELS_AWAY_S = 60.0
"""A supervisor restarts a model server that died within this time."""


def run_name() -> str:
    """Job and source, for whoever reads the list of runs."""
    request = AnalysisRequest.model_validate(runtime.flow_run.parameters["request"])
    begin(request.job_id)  # Prefect says its first lines about a run when it has its name
    try:
        return f"{request.job_id} · {source.classify(request.source).display}"
    except EcgError:
        return request.job_id  # the flow itself says what is wrong with the source


@flow(
    name="analyze",
    flow_run_name=run_name,
    description="Who said what, when and how: transcript, speakers, voice features, tables and captions.",
    task_runner=ThreadPoolTaskRunner(max_workers=4),  # type: ignore[arg-type]  # its type parameter is invariant
)
@resumable
@observed
@answered
def analyze(request: AnalysisRequest, refresh: bool = False) -> Outcome:
    """Analyse one recording and publish what was found.

    Args:
        request: what is asked.
        refresh: do every stage again, also where an earlier result could be used.
    """
    modes.begin()  # Prefect writes cached records itself
    store = patient(open_store(request.store))
    check_source(store, request.source)
    store.check()
    use_settings()
    speech = _engine(request.models)
    speech.check_language(request.language)
    speech.check_guidance(request.guidance)
    emotion_model = emotion.configured()
    event_kinds = kinds.wanted() if request.sounds else ()
    event_model = classifier.configured()
    here = store.reference

    with (
        _stages(without=_unwanted(emotions=bool(emotion_model), events=bool(event_kinds))) as stages,
        workspace.incoming(request.job_id, request.source) as folder,
    ):
        fetching = kept(download, store, download_key(request.source), refresh=refresh)
        media = stages.result("download", fetching.submit(request.source, request.limits, folder, request.cookies))

        asked = here, request.limits, request.audio_stream, request.channel_use
        extracted_key = extract_key(media, request.audio_stream, request.channel_use)
        extracting = kept(extract, store, extracted_key, refresh=refresh)
        recording = stages.result("extract", extracting.submit(media, *asked))
        if not all(store.exists(one.key) for one in (recording, *recording.tracks)):
            # the record outlived the sound
            recording = stages.result("extract", extracting.with_options(refresh_cache=True).submit(media, *asked))
        _check_length(recording, request)
        remember(store, request.job_id, str(runtime.flow_run.id), recording.key, request.source)

        words_key = transcribe_key(recording, request.models, request.language, request.guidance)
        turns_key = diarize_key(recording, request.models, request.speaker_count)
        if refresh or not (known(store, words_key) and (recording.channels or known(store, turns_key))):
            speech.warm()
        unmeasured = not all(store.exists(frames_key(one)) for one in (recording, *recording.tracks))
        measuring = kept(measure, store, measure_key(recording), refresh=refresh or unmeasured)
        transcribing = kept(transcribe, store, words_key, refresh=refresh)
        diarizing = kept(diarize, store, turns_key, refresh=refresh)

        frames = measuring.submit(recording, here)
        words = transcribing.submit(recording, here, request.models, request.language, request.guidance)
        if not recording.channels:
            turns = diarizing.submit(recording, here, request.models, request.speaker_count)
        transcript = stages.result("transcribe", words)
        voice_frames = stages.attempt("measure", frames, MeasurementFailed)
        edges_key = align_key(recording, request.models, transcript, voice_frames)
        aligning = kept(align, store, edges_key, refresh=refresh)
        aligned = aligning.submit(recording, here, request.models, transcript, voice_frames)
        transcript = stages.result("align", aligned)
        if recording.channels:
            turns = read_channels.submit(recording, here, transcript, voice_frames, request.speaker_count)
        diarization = stages.attempt("diarize", turns, DiarizationFailed)
        events = None
        if event_kinds and voice_frames:
            beside = (event_kinds, event_model, transcript, diarization, voice_frames)
            events_key = find_events_key(recording, request.models, *beside)
            finding = kept(find_events, store, events_key, refresh=refresh)
            heard = finding.submit(recording, here, request.models, *beside)
            events = stages.attempt("find_events", heard, MeasurementFailed)
        emotions: list[Emotion | None] | None = []
        if emotion_model:
            emotion_key = classify_emotion_key(recording, emotion_model, transcript, diarization)
            classifying = kept(classify_emotion, store, emotion_key, refresh=refresh)
            felt = classifying.submit(recording, here, emotion_model, transcript, diarization)
            emotions = stages.attempt("classify_emotion", felt, MeasurementFailed)

        found = Findings(
            source=source.classify(request.source).display,
            title=_title(store, request.source, media),
            recording=recording,
            transcript=transcript,
            diarization=diarization,
            frames=voice_frames,
            emotions=emotions,
            events=events,
            sought_events=bool(event_kinds),
            notices=(
                *speech.notices,
                *recording.notices,
                *transcript.notices,
                *(diarization.notices if diarization else ()),
                *(events.notices if events else ()),
                *stages.lost,
            ),
        )
        analysis = assemble(request, str(runtime.flow_run.id), here, found, stages.records(recording.duration_s))
        outputs = publish(analysis, voice_frames, here, media=_lasting(media, folder), asked=request.digest)
        ended = outcome(analysis, outputs, stages.records(recording.duration_s))
        summarise(analysis, ended)
        return ended


def _engine(models: str) -> engine.Engine:
    """The engine; a model server that is being begun again gets its time, so that a job that begins then need not fail.

    Raises:
        EngineUnavailable: the models cannot be had.
        WorkerLost: the model server does not answer.
    """
    deadline = time.monotonic() + MODELS_AWAY_S
    while True:
        try:
            return engine.shared(models)
        except EngineUnavailable as error:
            silent = isinstance(error.__cause__, httpx.HTTPError)
            if not os.environ.get(engine.MODEL_SERVER) or not silent:
                raise
            if time.monotonic() > deadline:
                raise WorkerLost(error.message) from error
            time.sleep(0.5)


@contextmanager
def _stages(without: set[str]) -> Iterator[Stages]:
    workspace.sweep()
    names = tuple(name for name in STAGES if name not in without)
    with tracked(Progress(names, listeners())) as progress:
        yield Stages(progress)


def _unwanted(*, emotions: bool, events: bool) -> set[str]:
    return {name for name, wanted in (("classify_emotion", emotions), ("find_events", events)) if not wanted}


def _check_length(recording: Recording, request: AnalysisRequest) -> None:
    # an earlier run with wider limits may have extracted it
    if recording.duration_s > request.limits.max_duration_s:
        raise TooLong(
            f"the recording is {recording.duration_s / 60:.0f} minutes long; "
            f"the limit is {request.limits.max_duration_s / 60:.0f}"
        )


def _title(store: ArtifactStore, asked: str, media: Media) -> str:
    """The name of the recording; of an upload, the one that its sender gave it."""
    key = key_of(store, asked)
    return UPLOADED_AS.sub("", media.name, count=1) if key and UPLOAD.match(key) else media.name


def _lasting(media: Media, folder: Path) -> Path | None:
    """The media file, unless it is a download that goes with this job."""
    path = Path(media.path).resolve()
    return None if path.is_relative_to(folder.resolve()) else path
