"""Bodies of requests and answers, with the field names that callers use today. Unknown fields are ignored."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ecg_audio.analysis import Edits, SegmentEdit
from ecg_audio.request import JOB_ID, Channels

JOB = "550e8400-e29b-41d4-a716-446655440000"
RUN = "3f1d0c1e-7b1d-4f0e-9b3a-0a6f5f2c7c22"
USER = r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}"
State = Literal["queued", "running", "completed", "failed", "cancelled"]
Text = Annotated[str, Field(min_length=1, max_length=8192)]
ChannelUse = Annotated[
    Channels, Field(description="separate: one person a channel, as in calls; mixed: they are mixed; auto: looks.")
]


def example(**fields: Any) -> ConfigDict:
    """The settings of a model whose schema shows one example."""
    return ConfigDict(json_schema_extra={"examples": [fields]})


class ProcessVideo(BaseModel):
    """A job to do; the answer comes at once, the result by callback or from the status."""

    model_config = example(
        job_id=JOB,
        video_url="https://bucket.s3.ap-northeast-2.amazonaws.com/videos/anonymous/강의 1.mp4",
        fastapi_base_url="https://backend.example.com",
        language="auto",
    )

    job_id: Annotated[str, Field(description="The caller's own id; the same id twice is the same job.")]
    video_url: Annotated[Text, Field(description="http(s) address, S3 address or key, percent-encoded or not; a path.")]
    fastapi_base_url: Annotated[str | None, Field(description="Where callbacks go. Default: the operator's.")] = None
    language: Annotated[str | None, Field(description="auto, ko, en, ja, zh, ...")] = "auto"
    locale: Annotated[Literal["ko", "en"] | None, Field(description="Language of the callbacks' messages.")] = None
    channels: ChannelUse = "auto"
    speakers: Annotated[int | None, Field(ge=1, le=50, description="Exact number of speakers, if known.")] = None


class Transcribe(BaseModel):
    """A job whose caller waits for the result. One of the three addresses is needed."""

    model_config = example(video_path="/data/lecture.mp4", language="en")

    video_path: Text | None = None
    video_url: Text | None = None
    audio_path: Text | None = None
    job_id: Annotated[str | None, Field(description="Default: a new one.")] = None
    language: str | None = "en"
    channels: ChannelUse = "auto"


class NewUpload(BaseModel):
    """A recording that somebody wants to put into the store."""

    model_config = example(filename="강의 1.mp4", content_type="video/mp4", size=31457280)

    filename: Annotated[str, Field(min_length=1, max_length=1024, description="Its name; what is unusual is replaced.")]
    content_type: Annotated[
        str | None,
        Field(
            pattern=r"^[A-Za-z0-9.+-]{1,64}/[A-Za-z0-9.+-]{1,64}$",
            description="Then the PUT must carry it as its Content-Type.",
        ),
    ] = None
    size: Annotated[int | None, Field(gt=0, description="Its size in bytes; a bucket then takes no other.")] = None
    user: Annotated[str, Field(pattern=f"^{USER}$", description="Whose it is, as a part of its name.")] = "anonymous"


class Upload(BaseModel):
    """A place for a recording, and how to fill it."""

    model_config = example(
        upload_url="/uploads/anonymous/20260131_090000_0f3a4c5e_강의_1.mp4?type=video%2Fmp4&size=31457280&signature=6f2c",
        method="PUT",
        headers={"Content-Type": "video/mp4"},
        video_url="/data/store/videos/anonymous/20260131_090000_0f3a4c5e_강의_1.mp4",
        expires_at="2026-01-31T10:00:00+00:00",
        max_bytes=31457280,
    )

    upload_url: Annotated[str, Field(description="An address, or a path on this gateway.")]
    method: Literal["PUT"] = "PUT"
    headers: Annotated[dict[str, str], Field(description="What the PUT must carry.")]
    video_url: Annotated[str, Field(description="What process-video takes, once the recording is there.")]
    expires_at: str
    max_bytes: int


class Uploaded(BaseModel):
    """A recording is there, whole."""

    model_config = example(video_url="/data/store/videos/anonymous/20260131_090000_0f3a4c5e_강의_1.mp4", size=31457280)

    video_url: str
    size: Annotated[int, Field(description="Bytes.")]


class Accepted(BaseModel):
    """A job was handed in, now or earlier."""

    model_config = example(
        job_id=JOB,
        status="processing",
        message="Video processing started",
        status_url=f"/api/upload-video/status/{JOB}",
        estimated_time=120,
        queued=3,
    )

    job_id: str
    status: Literal["processing"] = "processing"
    message: str
    status_url: str
    estimated_time: Annotated[
        int, Field(description="Seconds: the median of recent jobs, or 300 where there are none.")
    ]
    queued: Annotated[
        int | None, Field(description="Jobs that are due and wait, counted a second ago at most; null: not known.")
    ] = None


class Status(BaseModel):
    """How far a job is. Where a job has failed, it says why; once it has completed, it holds the wire document."""

    model_config = example(job_id=JOB, status="processing", progress=40)

    job_id: str
    status: Literal["processing", "completed", "failed"]
    progress: Annotated[int, Field(ge=0, le=100)]
    result: dict[str, Any] | None = None
    outputs: Annotated[dict[str, str] | None, Field(description="Paths on this gateway, by name.")] = None
    error_code: str | None = None
    error_message: str | None = None


class ListedJob(BaseModel):
    """One job of a list."""

    model_config = example(
        job_id=JOB,
        title="강의 1.mp4",
        status="failed",
        state="cancelled",
        progress=40,
        created_at="2026-01-31T09:00:00Z",
        started_at="2026-01-31T09:00:02Z",
        ended_at="2026-01-31T09:01:00Z",
        error_code="JOB_CANCELLED",
        error_message="the job was cancelled",
        hint="Hand the recording in again, under a new job id.",
        status_url=f"/api/upload-video/status/{JOB}",
    )

    job_id: str
    title: Annotated[str | None, Field(description="The name or address of its recording.")] = None
    length_s: Annotated[float | None, Field(description="Of the recording; null: not known yet.")] = None
    language: Annotated[str | None, Field(description="That is spoken; null: not known yet.")] = None
    status: Literal["processing", "completed", "failed"]
    state: Annotated[State, Field(description="The same in more words; a cancelled job has the status failed.")]
    progress: Annotated[int | None, Field(ge=0, le=100, description="Percent; null: Prefect did not say in time.")]
    created_at: Annotated[str | None, Field(description="When it was handed in.")]
    started_at: str | None = None
    ended_at: str | None = None
    error_code: str | None = None
    error_message: str | None = None
    hint: Annotated[str | None, Field(description="What can be done about a failure.")] = None
    status_url: Annotated[str, Field(description="A path on this gateway.")]


class Listed(BaseModel):
    """A page of jobs, newest first."""

    model_config = example(
        jobs=[
            {
                "job_id": JOB,
                "title": "강의 1.mp4",
                "length_s": None,
                "language": None,
                "status": "processing",
                "state": "running",
                "progress": 40,
                "created_at": "2026-01-31T09:00:00Z",
                "started_at": "2026-01-31T09:00:02Z",
                "ended_at": None,
                "error_code": None,
                "error_message": None,
                "status_url": f"/api/upload-video/status/{JOB}",
            }
        ],
        next_cursor="MjAyNi0wMS0zMVQwOTowMDowMFo=",
        queued=3,
    )

    jobs: list[ListedJob]
    next_cursor: Annotated[str | None, Field(description="For the next page; null: this is the last one.")]
    queued: Annotated[int | None, Field(description="Jobs that are due and wait; null: not known in time.")]


class WholeJob(ListedJob):
    """One job: what the list says of it, what works now, and what is published."""

    model_config = example(
        job_id=JOB,
        title="강의 1.mp4",
        length_s=339.2,
        language="ko",
        status="completed",
        state="completed",
        progress=100,
        created_at="2026-01-31T09:00:00Z",
        started_at="2026-01-31T09:00:02Z",
        ended_at="2026-01-31T09:02:10Z",
        status_url=f"/api/upload-video/status/{JOB}",
        stages=[],
        run_id="9a1f0c1e-0b1d-4f0e-9b3a-0a6f5f2c7c11",
        revision=None,
        has_picture=True,
        can_burn=True,
        tells=False,
        outputs=["analysis", "ass", "report", "srt", "vtt"],
    )

    stages: Annotated[list[str], Field(description="What is at work now: download, transcribe, ...")] = []
    run_id: Annotated[
        str | None, Field(description="Of the published result: the base of corrections; null: none is published.")
    ] = None
    revision: Annotated[str | None, Field(description="The revision that is under way.")] = None
    has_picture: Annotated[bool, Field(description="Whether `media` has a picture.")] = False
    can_burn: Annotated[bool, Field(description="Whether there is a video to burn captions into.")] = False
    tells: Annotated[bool, Field(description="Whether there is a backend that `tell` of a revision tells.")] = False
    outputs: Annotated[list[str], Field(description="Names of what is published.")] = []


class Links(BaseModel):
    """Paths on this gateway that need no key, for players, frames and downloads."""

    model_config = example(
        media=f"/api/upload-video/jobs/{JOB}/media?until=1893456000&signature=6f2c",
        report=f"/api/upload-video/jobs/{JOB}/report?until=1893456000&signature=9b3a",
        outputs={"srt": f"/api/upload-video/outputs/{JOB}/srt?until=1893456000&signature=1e0b"},
        exports={"eaf": f"/api/upload-video/jobs/{JOB}/exports/eaf?until=1893456000&signature=7c11"},
        expires_at="2030-01-01T00:00:00Z",
    )

    media: Annotated[str, Field(description="The recording: its video where the store has it, else its sound.")]
    report: str
    outputs: dict[str, str]
    exports: Annotated[dict[str, str], Field(description="Formats that are made when somebody asks for them.")] = {}
    expires_at: str


class Revise(BaseModel, extra="forbid"):  # a correction under a name that is none would be lost
    """Corrections of a result. The whole of them is one revision, which can be taken back."""

    model_config = example(
        base="9a1f0c1e-0b1d-4f0e-9b3a-0a6f5f2c7c11",
        speakers={"SPEAKER_00": "Sheila"},
        segments={"3": {"text": "It was the best of times.", "speaker": "SPEAKER_01"}},
    )

    base: Annotated[
        str, Field(min_length=1, max_length=64, description="`run_id` of the result that the corrections were made in.")
    ]
    speakers: Annotated[
        dict[str, str], Field(description="Other names of speakers; two with one name become one.")
    ] = {}
    segments: Annotated[
        dict[int, SegmentEdit], Field(description="By the segment's id: its right text, its speaker, or both.")
    ] = {}
    undo: Annotated[bool, Field(description="Take the latest revision back instead.")] = False
    unheard: Annotated[
        bool, Field(description="Also where the recording has been removed: what is new is then not measured.")
    ] = False
    tell: Annotated[
        bool,
        Field(
            description="Also tell the job's backend: `completed` comes again, with the corrected result, whose "
            "`metadata.revision` says which it is."
        ),
    ] = False


class SideRun(BaseModel):
    """Work on a finished job, a revision of it or the burning in of its captions, and how far it is."""

    model_config = example(
        id=RUN,
        job_id=JOB,
        state="running",
        progress=40,
        stages=["align"],
        url=f"/api/upload-video/jobs/{JOB}/revisions/{RUN}",
    )

    id: str
    job_id: str
    state: State
    progress: Annotated[int, Field(ge=0, le=100)]
    stages: Annotated[list[str], Field(description="What is at work now.")] = []
    error_code: str | None = None
    error_message: str | None = None
    hint: Annotated[str | None, Field(description="What can be done about a failure.")] = None
    url: Annotated[str, Field(description="Where to ask again: a path on this gateway.")]
    video: Annotated[
        str | None, Field(description="Of captions that are burnt in: a path that needs no key, for an hour.")
    ] = None


class RememberVoice(BaseModel, extra="forbid"):
    """Whose voice is to be known again, under which name."""

    model_config = example(name="Sheila", job_id=JOB, speaker="SPEAKER_00")

    name: Annotated[str, Field(min_length=1, max_length=80, description="The person's, who has agreed.")]
    job_id: Annotated[str, Field(pattern=f"^{JOB_ID.pattern}$", description="A finished job in which they speak.")]
    speaker: Annotated[str, Field(min_length=1, max_length=80, description="Their id in its result, as it is now.")]


class Voice(BaseModel):
    """A known voice, without the voice."""

    id: Annotated[str, Field(description="For forgetting it.")]
    name: str
    speech_s: Annotated[float, Field(description="Of how many seconds of speech it was made.")]
    remembered_at: str


class Voices(BaseModel):
    """All known voices, by their names."""

    model_config = example(
        voices=[
            {
                "id": "0f3a4c5e6b7d8091a2b3c4d5e6f70819",
                "name": "Sheila",
                "speech_s": 42.5,
                "remembered_at": "2026-01-31T12:00:00+00:00",
            }
        ]
    )

    voices: list[Voice]


class ForgottenVoice(BaseModel):
    """Whose voice went."""

    model_config = example(name="Sheila")

    name: str


class Forgotten(BaseModel):
    """What went with a job."""

    model_config = example(job_id=JOB, objects=24, runs=2, shared=1)

    job_id: str
    objects: Annotated[int, Field(description="How many objects of the store went.")]
    runs: Annotated[int, Field(description="How many runs went from Prefect, with their logs.")]
    shared: Annotated[int, Field(description="How many stay, because other jobs use them.")]


class Transcribed(BaseModel):
    """The end of a job, for the caller who waited."""

    model_config = example(
        success=False,
        job_id=JOB,
        error="talk.mp4 has no audio stream",
        error_code="NO_AUDIO",
    )

    success: bool
    job_id: str
    metadata: dict[str, Any] | None = None
    speakers: dict[str, Any] | None = None
    segments: list[dict[str, Any]] | None = None
    processing_time: float | None = None
    error: str | None = None
    error_code: str | None = None


class PoolHealth(BaseModel):
    """The work pool that does the jobs, as Prefect knows it."""

    name: str
    status: Annotated[str, Field(description="READY: a worker is there; NOT_READY: none is; PAUSED: by the operator.")]
    workers_online: int
    last_heartbeat: Annotated[str | None, Field(description="When a worker was last heard; null: never.")] = None


class Health(BaseModel):
    """Whether jobs are taken, and done. A check that does not apply here is null."""

    model_config = example(
        status="degraded",
        timestamp="2026-01-31T09:00:00+00:00",
        checks={"prefect": "ok", "pool": "gpu is NOT_READY", "store": "ok"},
        pool={"name": "gpu", "status": "NOT_READY", "workers_online": 0, "last_heartbeat": "2026-01-31T08:00:00Z"},
        queued=3,
    )

    status: Annotated[
        Literal["healthy", "degraded", "unhealthy"],
        Field(description="degraded: jobs are taken and wait, nobody does them now; unhealthy: none are taken."),
    ]
    timestamp: str
    checks: Annotated[dict[str, str | None], Field(description="ok, or what is wrong, of prefect, pool and store.")]
    pool: PoolHealth | None = None
    queued: Annotated[int | None, Field(description="Jobs that are due and wait.")] = None


class Alive(BaseModel):
    """This process answers, whatever it depends on."""

    model_config = example(status="alive")

    status: Literal["alive"] = "alive"


class ErrorCode(BaseModel):
    """The stable name of a failure."""

    code: str
    hint: str


class Changed(BaseModel):
    """What a result is now that somebody has corrected an older one."""

    run_id: Annotated[str, Field(description="The base of further corrections.")]
    number: Annotated[int | None, Field(description="How often it was revised; null: it is a new analysis.")] = None
    revised_at: str | None = None
    edits: Annotated[Edits | None, Field(description="The latest corrections.")] = None


class Failure(BaseModel):
    """Every answer that is no success: `message` and `error.code` at the top."""

    model_config = example(
        message=f"there is no job {JOB}",
        error={
            "code": "JOB_NOT_FOUND",
            "hint": "Check the job id; a job is known from the moment its request was answered.",
        },
    )

    message: str
    error: ErrorCode
    changed: Annotated[Changed | None, Field(description="Where a result was corrected that is an older one.")] = None
