"""How a batch went: each row's end, the counts, and whether enough of them succeeded."""

import json
from collections import Counter
from typing import Annotated, Literal

from pydantic import Field, computed_field

from ecg_audio.analysis import Model
from ecg_audio.batch.rows import Row
from ecg_audio.errors import EcgError

Status = Literal["completed", "partial", "published", "failed", "cancelled", "invalid"]
"""`published`: the same request had been done before, and nothing was done now; `invalid`: never begun."""

SUCCEEDED = {"completed", "partial", "published"}


class Ended(Model):
    """How one row ended."""

    where: str
    source: str
    job_id: str | None = None
    status: Status
    run_id: str | None = None  # whose outputs are the published ones; of a failed job, who tried last
    error_code: str | None = None
    error_message: str | None = None


class Summary(Model):
    """How a batch ended; lies in the store under `layout.batch`."""

    batch_id: str
    run_id: str
    created_at: str  # ISO 8601, UTC
    min_success: Annotated[float, Field(ge=0, le=1)]
    rows: tuple[Ended, ...]

    @computed_field  # type: ignore[prop-decorator]
    @property
    def counts(self) -> dict[str, int]:
        """Rows by status."""
        return dict(sorted(Counter(row.status for row in self.rows).items()))

    @computed_field  # type: ignore[prop-decorator]
    @property
    def success_rate(self) -> float:
        """The share of rows whose result is published, in [0, 1]."""
        return sum(row.status in SUCCEEDED for row in self.rows) / len(self.rows)

    @property
    def enough(self) -> bool:
        """Whether the success rate is what was asked for."""
        return self.success_rate >= self.min_success

    @property
    def sentence(self) -> str:
        """The counts, for people."""
        counted = ", ".join(f"{number} {status}" for status, number in self.counts.items())
        return f"{len(self.rows)} rows: {counted} ({100 * self.success_rate:.1f} % succeeded)"


def ended(row: Row, status: Status, *, run_id: str | None = None, error: EcgError | None = None) -> Ended:
    """The end of a row."""
    return Ended(
        where=row.where,
        source=row.source,
        job_id=row.request.job_id if row.request else None,
        status=status,
        run_id=run_id,
        error_code=error.code if error else None,
        error_message=error.message if error else None,
    )


def without_job(written: bytes, job_id: str) -> bytes | None:
    """A summary, as it was written, whose rows of a job tell no more than how they ended; None: it has none of them."""
    told = json.loads(written)
    if not any(row["job_id"] == job_id for row in told["rows"]):
        return None
    rows = [
        Ended(where="forgotten", source="forgotten", status=row.status, error_code=row.error_code)
        if row.job_id == job_id
        else row
        for row in map(Ended.model_validate, told["rows"])
    ]
    told["rows"] = [row.model_dump(mode="json") for row in rows]
    return json.dumps(told, ensure_ascii=False, indent=1).encode()
