"""Words, segments, turns, pauses and sounds as an ELAN annotation file (EAF 3.0)."""

import itertools
from collections.abc import Iterator, Sequence
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from ecg_audio.analysis import Analysis
from ecg_audio.results import intervals
from ecg_audio.results.intervals import Interval

_SCHEMA = "http://www.mpi.nl/tools/elan/EAFv3.0.xsd"
_SEGMENTS, _PARTS = "segments", "parts of segments"


def dumps(analysis: Analysis, *, media: str | None = None) -> str:
    """Write an EAF document: a tier of segments for each speaker, and under it one of words and one of suspects.

    Tiers of turns, of pauses and of events stand beside them.

    Times are milliseconds. The document's date is that of the analysis, so the same analysis gives the same bytes.
    The format is that of "EAF annotation format 3.0" of the Max Planck Institute for Psycholinguistics.

    Args:
        analysis: what was found.
        media: where the recording lies, as ELAN should look for it; None: ELAN asks.
    """
    document = Element(
        "ANNOTATION_DOCUMENT",
        {
            "AUTHOR": "",
            "DATE": analysis.created_at,
            "FORMAT": "3.0",
            "VERSION": "3.0",
            "xmlns:xsi": "http://www.w3.org/2001/XMLSchema-instance",
            "xsi:noNamespaceSchemaLocation": _SCHEMA,
        },
    )
    header = SubElement(document, "HEADER", {"MEDIA_FILE": "", "TIME_UNITS": "milliseconds"})
    if media is not None:
        mime = "video/mp4" if analysis.recording.has_video else "audio/x-wav"
        SubElement(header, "MEDIA_DESCRIPTOR", {"MEDIA_URL": media, "MIME_TYPE": mime})
    SubElement(header, "PROPERTY", {"NAME": "job"}).text = analysis.job_id
    tiers = list(_tiers(analysis))
    slots = _slots(document, [found for _, _, found in tiers])
    numbers = itertools.count(1)
    for name, parent, found in tiers:
        kind = _PARTS if parent else _SEGMENTS
        attributes = {"LINGUISTIC_TYPE_REF": kind, "TIER_ID": name}
        if parent:
            attributes["PARENT_REF"] = parent
        if kind == _SEGMENTS and name != "pauses":
            attributes["PARTICIPANT"] = name.removesuffix(" segments")
        tier = SubElement(document, "TIER", attributes)
        for interval in found:
            annotation = SubElement(
                SubElement(tier, "ANNOTATION"),
                "ALIGNABLE_ANNOTATION",
                {
                    "ANNOTATION_ID": f"a{next(numbers)}",
                    "TIME_SLOT_REF1": slots[interval.start_ms],
                    "TIME_SLOT_REF2": slots[interval.end_ms],
                },
            )
            SubElement(annotation, "ANNOTATION_VALUE").text = interval.label
    SubElement(document, "LINGUISTIC_TYPE", _kind(_SEGMENTS))
    SubElement(document, "LINGUISTIC_TYPE", _kind(_PARTS) | {"CONSTRAINTS": "Included_In"})
    SubElement(
        document,
        "CONSTRAINT",
        {
            "DESCRIPTION": "Time alignable annotations within the parent annotation's time interval, gaps are allowed",
            "STEREOTYPE": "Included_In",
        },
    )
    indent(document, "    ")
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(document, "unicode") + "\n"


def _tiers(analysis: Analysis) -> Iterator[tuple[str, str | None, Sequence[Interval]]]:
    """Name, parent and annotations of each tier."""
    for voice in intervals.voices(analysis):
        segments = f"{voice.speaker} segments"
        yield segments, None, voice.segments
        yield f"{voice.speaker} words", segments, _within(voice.words, voice.segments)
        if voice.suspect:
            yield f"{voice.speaker} suspect", segments, _within(voice.suspect, voice.segments)
        if voice.turns:
            yield f"{voice.speaker} turns", None, voice.turns
    yield "pauses", None, intervals.pauses(analysis)
    if events := intervals.events(analysis):
        yield "events", None, events


def _within(parts: Sequence[Interval], segments: Sequence[Interval]) -> list[Interval]:
    """The parts, cut at the segment that holds most of each: ELAN drops what its parent does not include."""
    cut = []
    for part in parts:
        start_ms, end_ms = max(
            ((max(part.start_ms, one.start_ms), min(part.end_ms, one.end_ms)) for one in segments),
            key=lambda span: span[1] - span[0],
        )
        if end_ms > start_ms:
            cut.append(Interval(start_ms, end_ms, part.label))
    return cut


def _slots(document: Element, tiers: Sequence[Sequence[Interval]]) -> dict[int, str]:
    """Write the time slots, one for each moment at which something begins or ends; their names by ms."""
    moments = sorted({ms for found in tiers for one in found for ms in (one.start_ms, one.end_ms)})
    names = {ms: f"ts{number}" for number, ms in enumerate(moments, start=1)}
    order = SubElement(document, "TIME_ORDER")
    for ms, name in names.items():
        SubElement(order, "TIME_SLOT", {"TIME_SLOT_ID": name, "TIME_VALUE": str(ms)})
    return names


def _kind(name: str) -> dict[str, str]:
    return {"GRAPHIC_REFERENCES": "false", "LINGUISTIC_TYPE_ID": name, "TIME_ALIGNABLE": "true"}
