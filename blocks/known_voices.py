"""Known voices in a store: remembered from a job's speaker, read when speakers are to be named, and forgotten.

A vector lies in its one file and nowhere else: no result, record, log or run holds it.
"""

from collections.abc import Iterable
from datetime import UTC, datetime

from pydantic import ValidationError

from blocks import published
from ecg_audio import layout
from ecg_audio.analysis import Analysis, Recording, Turn, VoiceVectors
from ecg_audio.captions.names import displayed
from ecg_audio.errors import InvalidRequest, ResultNotFound, SpeakerUnknown, StoreRefused, TooLittleSpeech, VoiceUnknown
from ecg_audio.progress import Report, silent
from ecg_audio.revision.edits import meant, speaker_name, speakers
from ecg_audio.revision.naming import SHOWN
from ecg_audio.speech import channels, engine, known_voices
from ecg_audio.speech.known_voices import KnownVoice
from ecg_audio.store import ArtifactStore

Heard = dict[str, tuple[tuple[float, ...], float]]
"""The vector of each speaker, and of how many seconds of speech it was made."""


def known(store: ArtifactStore) -> list[KnownVoice]:
    """All known voices, by their names.

    Raises:
        StoreRefused: one cannot be read: it may be somebody's of whom nobody would know.
    """
    found = []
    for key in store.keys(layout.VOICES):
        try:
            found.append(KnownVoice.model_validate_json(store.read(key)))
        except ResultNotFound:  # forgotten meanwhile
            continue
        except ValidationError:
            raise StoreRefused(f"{store.uri(key)} is no voice that this version knows") from None
    return sorted(found, key=lambda voice: (voice.name.casefold(), voice.name))


def checked(name: str) -> str:
    """A name under which a voice can be kept.

    Raises:
        InvalidRequest: it is empty, too long, or a diarizer's label, as `SPEAKER_00` or `Speaker 1`.
    """
    plain = speaker_name(name)
    if SHOWN.fullmatch(plain):
        raise InvalidRequest(f"{plain} is what a stranger is called; give the person's name")
    return plain


def check(store: ArtifactStore, analysis: Analysis, speaker: str) -> str:
    """Whether the voice of a result's speaker can be remembered; returns the speaker's id.

    Raises:
        ResultNotFound: the recording has been removed.
        SpeakerUnknown: the result has no such speaker.
        TooLittleSpeech: they speak too little while nobody else does.
    """
    ids = speakers(analysis)
    own = meant(speaker, ids)
    if own is None:
        there = f"there are {', '.join(map(displayed, ids))}" if ids else "nobody was told apart in it"
        raise SpeakerUnknown(f"the result of {analysis.job_id} has no speaker {speaker}: {there}")
    own_s = known_voices.seconds(known_voices.alone(analysis.turns).get(own, ()))
    if own_s < known_voices.LEAST_S:
        raise TooLittleSpeech(
            f"{speaker} of {analysis.job_id} speaks alone for {own_s:.1f} s; {known_voices.LEAST_S:.0f} s are the least"
        )
    if not store.exists(analysis.recording.key):
        raise ResultNotFound(
            f"the recording of {analysis.job_id} has been removed, so no voice of it can be remembered",
            hint="Analyse the recording again, then remember the voice.",
        )
    return own


def remember(
    store: ArtifactStore,
    name: str,
    job_id: str,
    speaker: str,
    report: Report = silent,
    *,
    voices: ArtifactStore | None = None,
) -> KnownVoice:
    """Keep the voice of a job's speaker under a name; one that was kept under it before is replaced.

    Args:
        store: the store of the job.
        name: the person's.
        job_id: the job.
        speaker: the speaker's id in its published result, or the name that captions show.
        report: hears the finished fraction.
        voices: the store of the voice; None: that of the job.

    Raises:
        InvalidRequest: the name is none.
        ResultNotFound: the job has no result, or its recording has been removed.
        SpeakerUnknown: the result has no such speaker.
        TooLittleSpeech: they speak too little while nobody else does.
        EngineUnavailable: the models cannot be had.
    """
    name = checked(name)
    _, analysis = published.result(store, job_id)
    speaker = check(store, analysis, speaker)
    recording = analysis.recording
    speaks_in = {one.id: one.channel for one in analysis.speakers}
    found, encoder = heard(
        store, recording, analysis.turns, analysis.models_requested, speaks_in, only={speaker}, report=report
    )
    if speaker not in found:
        raise TooLittleSpeech(f"{speaker} of {job_id} is too quiet to be known again")
    vector, speech_s = found[speaker]
    moment = datetime.now(UTC).isoformat(timespec="seconds")
    kept = KnownVoice(name=name, encoder=encoder, vector=vector, speech_s=round(speech_s, 1), remembered_at=moment)
    (voices or store).write(layout.voice(name), kept.model_dump_json().encode())
    return kept


def heard(
    store: ArtifactStore,
    recording: Recording,
    turns: Iterable[Turn],
    models: str,
    speaks_in: dict[str, int | None] | None = None,
    *,
    only: set[str] | None = None,
    report: Report = silent,
) -> tuple[Heard, str]:
    """The vectors of a recording's speakers, and what made them; of those who speak enough to be known.

    Args:
        store: where the recording lies.
        recording: the sound.
        turns: who speaks when.
        models: as the request of the job has it.
        speaks_in: the channel of each speaker, where one person speaks in each; None: by the speakers' usual names.
        only: of these speakers; None: of all.
        report: hears the finished fraction.
    """
    spans = {
        speaker: own
        for speaker, own in known_voices.alone(tuple(turns)).items()
        if (only is None or speaker in only) and known_voices.seconds(own) >= known_voices.HEARD_S
    }
    if speaks_in is None:
        speaks_in = {channels.name(channel.number): channel.number for channel in recording.channels}
    sounds = {one.number: track for one, track in zip(recording.channels, recording.tracks, strict=False)}
    found: Heard = {}
    encoder = ""
    for number in dict.fromkeys(speaks_in.get(speaker) for speaker in spans):
        own = [speaker for speaker in spans if speaks_in.get(speaker) == number]
        track = sounds.get(number, recording) if number is not None else recording
        with store.local(track.key) as path:
            made: VoiceVectors = engine.shared(models).embed(
                path, voices=tuple(spans[speaker] for speaker in own), report=report
            )
        encoder = made.encoder
        for speaker, vector in zip(own, made.vectors, strict=True):
            if vector is not None:
                found[speaker] = vector, known_voices.seconds(spans[speaker])
    return found, encoder


def forget(store: ArtifactStore, name: str) -> str:
    """Remove a voice, with the earlier versions that a bucket may have kept. Returns its name as it was kept.

    Raises:
        VoiceUnknown: there is none of this name.
        PublishFailed: the store does not let it go.
    """
    key = layout.voice(speaker_name(name))
    try:
        content = store.read(key)
    except ResultNotFound:
        raise VoiceUnknown(f"no voice is kept under the name {name}") from None
    store.erase(key)
    try:
        return KnownVoice.model_validate_json(content).name
    except ValidationError:
        return name
