"""Bodies of requests and answers, with the field names that callers use today. Unknown fields are ignored."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

JOB = "550e8400-e29b-41d4-a716-446655440000"
USER = r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}"
State = Literal["queued", "running", "completed", "failed", "cancelled"]
Text = Annotated[str, Field(min_length=1, max_length=8192)]


class ProcessVideo(BaseModel):
    """A job to do; the answer comes at once, the result by callback or from the status."""

    model_config = ConfigDict(
        extra="ignore",
        json_schema_extra={
            "examples": [
                {
                    "job_id": JOB,
                    "video_url": "https://bucket.s3.ap-northeast-2.amazonaws.com/videos/anonymous/강의 1.mp4",
                    "fastapi_base_url": "https://backend.example.com",
                    "language": "auto",
                }
            ]
        },
    )

    job_id: Annotated[str, Field(description="The caller's own id; the same id twice is the same job.")]
    video_url: Annotated[Text, Field(description="http(s) address, S3 address or key, percent-encoded or not; a path.")]
    fastapi_base_url: Annotated[str | None, Field(description="Where callbacks go. Default: the operator's.")] = None
    language: Annotated[str | None, Field(description="auto, ko, en, ja, zh, ...")] = "auto"
    locale: Annotated[Literal["ko", "en"] | None, Field(description="Language of the callbacks' messages.")] = None


class Transcribe(BaseModel):
    """A job whose caller waits for the result. One of the three addresses is needed."""

    model_config = ConfigDict(
        extra="ignore", json_schema_extra={"examples": [{"video_path": "/data/lecture.mp4", "language": "en"}]}
    )

    video_path: Text | None = None
    video_url: Text | None = None
    audio_path: Text | None = None
    job_id: Annotated[str | None, Field(description="Default: a new one.")] = None
    language: str | None = "en"


class NewUpload(BaseModel):
    """A recording that somebody wants to put into the store."""

    model_config = ConfigDict(
        extra="ignore",
        json_schema_extra={"examples": [{"filename": "강의 1.mp4", "content_type": "video/mp4", "size": 31457280}]},
    )

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

    upload_url: Annotated[str, Field(description="An address, or a path on this gateway.")]
    method: Literal["PUT"] = "PUT"
    headers: Annotated[dict[str, str], Field(description="What the PUT must carry.")]
    video_url: Annotated[str, Field(description="What process-video takes, once the recording is there.")]
    expires_at: str
    max_bytes: int


class Uploaded(BaseModel):
    """A recording is there, whole."""

    video_url: str
    size: Annotated[int, Field(description="Bytes.")]


class Accepted(BaseModel):
    """A job was handed in, now or earlier."""

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

    job_id: str
    status: Literal["processing", "completed", "failed"]
    progress: Annotated[int, Field(ge=0, le=100)]
    result: dict[str, Any] | None = None
    outputs: Annotated[dict[str, str] | None, Field(description="Paths on this gateway, by name.")] = None
    error_code: str | None = None
    error_message: str | None = None


class ListedJob(BaseModel):
    """One job of a list."""

    job_id: str
    status: Literal["processing", "completed", "failed"]
    state: Annotated[State, Field(description="The same in more words; a cancelled job has the status failed.")]
    progress: Annotated[int | None, Field(ge=0, le=100, description="Percent; null: Prefect did not say in time.")]
    created_at: Annotated[str | None, Field(description="When it was handed in.")]
    started_at: str | None = None
    ended_at: str | None = None
    error_code: str | None = None
    error_message: str | None = None
    status_url: Annotated[str, Field(description="A path on this gateway.")]


class Listed(BaseModel):
    """A page of jobs, newest first."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "jobs": [
                        {
                            "job_id": JOB,
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
                    "next_cursor": "MjAyNi0wMS0zMVQwOTowMDowMFo=",
                    "queued": 3,
                }
            ]
        }
    )

    jobs: list[ListedJob]
    next_cursor: Annotated[str | None, Field(description="For the next page; null: this is the last one.")]
    queued: Annotated[int | None, Field(description="Jobs that are due and wait; null: not known in time.")]


class Transcribed(BaseModel):
    """The end of a job, for the caller who waited."""

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

    status: Literal["alive"] = "alive"


class ErrorCode(BaseModel):
    """The stable name of a failure."""

    code: str
    hint: str


class Failure(BaseModel):
    """Every answer that is no success: `message` and `error.code` at the top."""

    message: str
    error: ErrorCode
