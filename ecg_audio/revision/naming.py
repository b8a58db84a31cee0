"""Speakers' names and who gave them, put into a result."""

import re
from collections.abc import Iterable, Mapping, Sequence

from ecg_audio.analysis import Analysis, Edits, Naming, Speaker
from ecg_audio.captions.names import displayed
from ecg_audio.revision.draft import renamed, renamed_with_words
from ecg_audio.revision.edits import speaker_name

LABEL = re.compile(r"SPEAKER_\d+")
"""What a diarizer calls somebody."""
SHOWN = re.compile(r"SPEAKER_\d+|Speaker (?:\d+|\?)")
"""That, or what captions show for it."""
_WHO = ("speaker", "other_speaker", "yielded_by")


def named(analysis: Analysis, namings: Mapping[str, Naming]) -> Analysis:
    """The result with what is known of its speakers: a sure name is the speaker's from here on.

    Args:
        analysis: as it was assembled.
        namings: by the speakers' ids. A sure name that another speaker has already becomes a suggestion.
    """
    taken = {displayed(one.id) for one in analysis.speakers}
    told = {
        speaker: naming.model_copy(update={"sure": False}) if displayed(naming.name) in taken else naming
        for speaker, naming in namings.items()
    }
    names = {speaker: one.name for speaker, one in told.items() if one.sure}
    exchanges = (
        one.model_copy(update={part: names.get(who, who) for part in _WHO if (who := getattr(one, part)) is not None})
        for one in analysis.exchanges or ()
    )
    return analysis.model_copy(
        update={
            "segments": tuple(renamed_with_words(segment, names) for segment in analysis.segments),
            "turns": tuple(renamed(turn, names) for turn in analysis.turns),
            "speakers": tuple(
                one.model_copy(update={"id": names.get(one.id, one.id), "naming": told.get(one.id, one.naming)})
                for one in analysis.speakers
            ),
            "exchanges": analysis.exchanges if analysis.exchanges is None else tuple(exchanges),
        }
    )


def after(before: Sequence[Speaker], edits: Edits) -> dict[str, Naming]:
    """Who gave the speakers of a corrected result their names: a person's word stands above a voice's.

    Args:
        before: the speakers as they were.
        edits: what a person changed since.

    Returns:
        by the speakers' ids; a label such as SPEAKER_00 is nobody's name.
    """
    ids = {one.id for one in before}
    kept = {one.id: one.naming for one in before if one.naming and one.id not in edits.speakers}
    renamed = {speaker_name(name) for name in edits.speakers.values()}
    handed = {speaker_name(one.speaker) for one in edits.segments.values() if one.speaker is not None}
    confirmed = {name for name in renamed & ids if (naming := kept.get(name)) is None or naming.sure}
    said = (renamed - ids) | (confirmed - _labels(ids)) | (handed - ids)
    return {**kept, **{name: Naming(name=name, by="person") for name in said - _labels(said)}}


def _labels(names: Iterable[str]) -> set[str]:
    return {name for name in names if LABEL.fullmatch(name)}
