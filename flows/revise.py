"""revise: a finished result corrected by a person, and published whole again."""

from typing import Annotated

from prefect import flow, runtime
from prefect.logging import get_run_logger
from prefect.task_runners import ThreadPoolTaskRunner
from pydantic import Field

from blocks import published
from blocks.engine import use_settings
from blocks.forgetting import remember
from blocks.storage import open_store
from ecg_audio import modes, workspace
from ecg_audio.analysis import Analysis, Edits
from ecg_audio.claim import claimed
from ecg_audio.errors import InvalidRequest, JobConflict, ResultNotFound
from ecg_audio.request import Callback
from ecg_audio.results import document
from ecg_audio.results.manifest import Manifest
from ecg_audio.results.outcome import Outcome, outcome
from ecg_audio.revision.changes import changes
from ecg_audio.revision.draft import changed, drafted, paused
from ecg_audio.revision.edits import resolved
from flows.callbacks import tell_revision
from flows.faults import resumable
from flows.observation import side_run_name
from flows.progress_artifact import tracked_stages
from flows.runs import REVISION
from flows.stages import Stages
from flows.unkept import UNKEPT
from tasks.measure import frames_key, measure
from tasks.publish import addresses, publish
from tasks.retrying import with_retries
from tasks.revise import realign, reassemble, without_sound

STAGES = (measure.name, realign.name, reassemble.name, publish.name)
STANDS_S = 60.0
"""How long others step back, should a revision die; while it lives it says so again."""


@flow(
    name=REVISION,
    flow_run_name=side_run_name("revision"),
    description="Puts a person's corrections into a result, measures what changed, and publishes it again.",
    task_runner=ThreadPoolTaskRunner(max_workers=2),  # type: ignore[arg-type]  # its type parameter is invariant
    **UNKEPT,
)
@resumable
def revise(
    job_id: Annotated[str, Field(title="Job id")],
    edits: Annotated[Edits | None, Field(title="Corrections")] = None,
    store: Annotated[str | None, Field(title="Store of the job")] = None,
    base: Annotated[str | None, Field(title="Run that was corrected")] = None,
    undo: Annotated[bool, Field(title="Take the latest corrections back")] = False,
    unheard: Annotated[bool, Field(title="Also without the recording")] = False,
    callback: Annotated[Callback | None, Field(title="Who is called back")] = None,
) -> Outcome:
    """Correct a published result.

    Args:
        job_id: the job.
        edits: what is corrected; None with `undo`.
        store: reference of the artifact store; None: the usual one.
        base: the run whose result the corrections were made in. Another result by now is a conflict. None: whichever
            is published.
        undo: take the latest corrections back instead.
        unheard: correct texts and names also where the recording has been removed; what is new is then not measured.
        callback: who is told of the corrected result, when it is published; None: nobody.

    Raises:
        ResultNotFound: the job has no result, or its recording has been removed.
        JobConflict: somebody else revises it, or has.
        InvalidRequest: the corrections make no sense, or there are none to take back.
    """
    modes.begin()
    if (edits is None) != undo:
        raise InvalidRequest("give corrections, or take the latest ones back: one of both")
    artifacts = with_retries(open_store(store))
    use_settings()
    workspace.sweep()
    here, run_id = artifacts.reference, str(runtime.flow_run.id)
    with (
        tracked_stages(job_id, STAGES) as progress,
        claimed(artifacts, f"{job_id}.revision", STANDS_S, owner=run_id, renewed=True) as ours,
    ):
        if not ours:
            raise JobConflict(f"somebody else is revising {job_id}", hint="Try again when that has ended.")
        stages = Stages(progress, artifacts)
        written, before = published.result(artifacts, job_id)
        if written.run_id == run_id:  # it was lost after it had published
            tell_revision(callback, job_id, here)
            return outcome(before, addresses(artifacts, written), ())
        _check_base(written, before, base)
        recording = before.recording
        stages.limit(recording)
        remember(artifacts, job_id, run_id, recording.key)
        frames = None
        if artifacts.exists(recording.key):
            measured = artifacts.exists(frames_key(recording))
            frames = (stages.begin if measured else stages.begin_anew)(measure, recording).result()
        elif not unheard:
            raise ResultNotFound(
                f"the recording of {job_id} has been removed, so its words cannot be measured again",
                hint="Analyse the recording again, then correct it; or ask for the texts alone (--unheard).",
            )

        original = artifacts.read(written.outputs["original" if before.revision else "analysis"].key)
        machine = document.loads(original)
        done = before.revision.edits if before.revision else ()
        steps: tuple[Edits, ...]
        so_far: tuple[Edits, ...]
        if edits is not None:
            steps, revised, so_far = (edits,), before, done
        elif done:
            steps, revised, so_far = done[:-1], machine, ()
        else:
            raise InvalidRequest(f"nobody has corrected {job_id}: there is nothing to take back")
        heard_again = False
        for told in steps:
            step = resolved(revised, told)
            draft, so_far = drafted(revised, step, machine), (*so_far, step)
            if frames is None:
                revised = without_sound(revised, draft, so_far, machine.run_id, run_id)
                continue
            if changed(revised, draft):
                heard_again = True
                draft = realign(artifacts, revised, draft, frames, machine)
            else:
                draft = draft.model_copy(update={"segments": paused(revised, draft.segments, machine)})
            revised = reassemble(artifacts, revised, draft, so_far, machine.run_id, run_id, frames)
        if not heard_again:
            progress.mark(realign.name, "skipped")
        if not steps:
            revised = machine.model_copy(update={"run_id": run_id})

        _check_base(*published.result(artifacts, job_id), written.run_id)
        outputs = publish(artifacts, revised, frames, asked=written.request, original=original)
        made = f"revision {revised.revision.number}" if revised.revision else "the machine's own result again"
        get_run_logger().info("%s: %s", made, changes(before, revised))
        tell_revision(callback, job_id, here)
        return outcome(revised, outputs, stages.records(recording.duration_s))


def _check_base(written: Manifest, found: Analysis, base: str | None) -> None:
    if base is None or written.run_id == base:
        return
    changed = f"revision {found.revision.number} of {found.revision.revised_at}" if found.revision else "a new analysis"
    raise JobConflict(
        f"the result of {written.job_id} is no longer the one that was corrected: now it is {changed}",
        hint="Open the result again, and correct that one.",
    )
