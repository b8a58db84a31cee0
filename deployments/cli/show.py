"""`ecg show`: a finished transcript on the terminal, each word as it was said."""

from pathlib import Path

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from blocks.storage import ArtifactStore, open_store
from deployments.terminal import out
from ecg_audio import layout, spacing
from ecg_audio.analysis import Analysis, Emphasis, Segment, SpokenWord
from ecg_audio.captions.names import displayed
from ecg_audio.captions.sounds import Sound, sounds
from ecg_audio.duration import length
from ecg_audio.errors import ResultNotFound
from ecg_audio.results import document, manifest
from ecg_audio.sound_quality import sound_quality

COLOURS = ("cyan", "yellow", "magenta", "green", "blue", "red")
NARROWEST = 20
"""So many columns words have at least, however narrow the terminal is."""
LOOKS = {"louder": "bold", "softer": "dim", "whispered": "dim italic", "slower": "underline"}


def load(named: str, store: str | None) -> Analysis:
    """Find a result by job id, or by the path of its analysis or manifest.

    Raises:
        ResultNotFound: there is none.
    """
    path = Path(named)
    if path.is_file() and path.name != "manifest.json":
        return document.loads(path.read_bytes())
    artifacts, written = published(named, store)
    return document.loads(artifacts.read(written.outputs["analysis"].key))


def published(named: str, store: str | None) -> tuple[ArtifactStore, manifest.Manifest]:
    """Find what a job has published, by its id or the path of its manifest, and the store that has it.

    Raises:
        ResultNotFound: there is nothing.
    """
    path = Path(named)
    if path.is_file():
        # results/{job_id}/manifest.json: keys in it are relative to the store, three folders up
        return open_store(store or str(path.absolute().parents[2])), manifest.loads(path.read_bytes())
    artifacts = open_store(store)
    try:
        return artifacts, manifest.loads(artifacts.read(layout.manifest(named)))
    except ResultNotFound:
        raise ResultNotFound(f"no published result of {named} in {artifacts.reference}") from None


def show_result(named: str, store: str | None) -> None:
    """Print the transcript of a result."""
    analysis = load(named, store)
    told = (length(analysis.recording.duration_s), analysis.language, analysis.transcription_model)
    heading = " · ".join((analysis.title, *told))
    out.print(heading, style="bold", highlight=False, markup=False)
    if sound := sound_quality(analysis.recording):
        out.print(f"sound: {sound}", style="dim", highlight=False, markup=False)
    for notice in analysis.notices:
        out.print(f"! {notice.message} ({notice.code})", style="yellow", highlight=False, markup=False)
    for speaker in analysis.speakers:
        if (naming := speaker.naming) and naming.by == "voice":
            whose = (
                f"{displayed(speaker.id)}: by" if naming.sure else f"{displayed(speaker.id)}: maybe {naming.name}, by"
            )
            out.print(f"{whose} the voice ({naming.similarity:.2f})", style="dim", highlight=False, markup=False)
    parts: list[Segment | Sound] = [*analysis.segments, *sounds(analysis)]
    colours = {speaker.id: COLOURS[index % len(COLOURS)] for index, speaker in enumerate(analysis.speakers)}
    room = max((cell_len(displayed(segment.speaker)) for segment in analysis.segments), default=0)
    room = min(room, out.width // 3)
    for part in sorted(parts, key=lambda part: part.start_s) if analysis.events else analysis.segments:
        _print_hanging(*(_line(part, colours, room) if isinstance(part, Segment) else _heard(part, room)))
    legend = Text("\nunusual for the speaker, at this place of the phrase: ", style="dim")
    for name, style in LOOKS.items():
        legend.append(name, style=style).append("  ")
    out.print(legend.append("↗ higher  ↘ lower", style="dim"))


def _print_hanging(head: Text, said: Text) -> None:
    """Print what was said beside its head; where it is too long for one line, the others stand below the first."""
    beside = max(out.width - head.cell_len, NARROWEST)
    lines = said.wrap(out, beside, overflow="fold")
    out.print(head + Text("\n" + " " * head.cell_len).join(lines), highlight=False, soft_wrap=True)


def _heard(sound: Sound, room: int) -> tuple[Text, Text]:
    return _head(sound.start_s, Text(" " * room), None), Text(sound.text, style="dim")


def _line(segment: Segment, colours: dict[str, str], room: int) -> tuple[Text, Text]:
    who = displayed(segment.speaker)
    who = who if cell_len(who) <= room else set_cell_size(who, room - 1) + "…"
    named = Text(set_cell_size(who, room), style=colours.get(segment.speaker or "", "white"))
    line = Text()
    spaces = spacing.before_each([word.text for word in segment.words], segment.text)
    for word, space in zip(segment.words, spaces, strict=True):
        line.append(" " if space else "").append(_marked(word), style=_style(word))
    return _head(segment.start_s, named, segment.voice.rms_dbfs if segment.voice else None), line


def _head(start_s: float, who: Text, level: float | None) -> Text:
    """When, who and how loud: what stands before the words, always as wide."""
    loud = f"{level:6.1f} dB" if level is not None else f"{'':9}"
    clock = f"{int(start_s // 60):d}:{start_s % 60:04.1f}"
    return Text.assemble((f"{clock:>8}  ", "dim"), who, (f"  {loud}  ", "dim"))


def _style(word: SpokenWord) -> str:
    emphasis = word.emphasis or Emphasis()
    loudness, length = emphasis.louder or 0.0, emphasis.slower or 0.0
    whispered = word.relative is not None and word.relative.volume == "whisper"
    name = "whispered" if whispered else "louder" if loudness > 0 else "softer" if loudness < 0 else ""
    return " ".join(LOOKS[shown] for shown in (name, "slower" if length > 0 else "") if shown)


def _marked(word: SpokenWord) -> str:
    pitch = (word.emphasis or Emphasis()).higher or 0.0
    mark = "" if pitch == 0 else "↗" if pitch > 0 else "↘"
    return word.text + mark
