"""`ecg revise`: a person's corrections of a result, from the command line."""

from pathlib import Path

from deployments.cli.show import load
from deployments.service.session import prefect_server, unwatched
from deployments.terminal import LiveProgress, out, print_outcome
from ecg_audio.analysis import Analysis, Edits
from ecg_audio.errors import InvalidRequest, SourceNotFound
from ecg_audio.progress import listening
from ecg_audio.request import AnalysisRequest
from ecg_audio.revision import matching
from ecg_audio.revision.changes import changes


def revise_result(
    job_id: str,
    store: str | None,
    names: list[str],
    edits: Path | None,
    *,
    undo: bool,
    unheard: bool = False,
    callback: dict[str, str | None] | None = None,
) -> None:
    """Correct a published result and publish it again.

    Raises:
        EcgError: what was asked makes no sense, or the result cannot be revised.
    """
    if undo and (names or edits):
        raise InvalidRequest("--undo takes the latest corrections back; give it alone")
    # a request is what knows which callbacks make sense
    told = AnalysisRequest.checked(source="unused", job_id=job_id, callback=callback).callback
    before = load(job_id, store)
    wanted = None if undo else _wanted(before, names, edits)
    if wanted is not None and not (wanted.speakers or wanted.segments):
        raise InvalidRequest(
            "nothing is corrected: the text is that of the result" if edits else "nothing is corrected",
            hint='Give --speaker "Speaker 1=NAME", or --edits FILE.',
        )
    with prefect_server() as server:
        from flows.revise import revise

        if server is not None:
            server.wait()
        with unwatched(server), LiveProgress(job_id, quiet=False) as shown, listening(shown.listen):
            ended = revise(job_id, wanted, store, None if undo else before.run_id, undo, unheard, told)
        after = load(job_id, store)
        made = f"revision {after.revision.number}" if after.revision else "the machine's own result again"
        out.print(f"[green]✓[/] {made}: {changes(before, after)}", highlight=False)
        print_outcome(ended, store, paths=False, title=after.title)


def _wanted(before: Analysis, names: list[str], edits: Path | None) -> Edits:
    found = _read(before, edits) if edits else Edits()
    speakers = dict(found.speakers)
    for name in names:
        speaker, separator, new = name.partition("=")
        if not separator or not new.strip():
            raise InvalidRequest(f'--speaker {name}: must be like "Speaker 1=Sheila"')
        speakers[speaker.strip()] = new.strip()
    return found.model_copy(update={"speakers": speakers})


def _read(before: Analysis, path: Path) -> Edits:
    try:
        with path.open("rb") as file:
            content = file.read(matching.MOST_BYTES + 1)
    except OSError as error:
        raise SourceNotFound(f"--edits {path}: {error.strerror}") from None
    if path.suffix.lower() == ".json":
        return matching.from_json(content)
    if path.suffix.lower() in (".srt", ".vtt"):
        return matching.from_subtitles(before, content)
    return matching.from_text(before, content)
