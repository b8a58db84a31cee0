"""A small corpus of published recordings, laid out as in the artifact store."""

from collections.abc import Sequence
from pathlib import Path

from ecg_audio.analysis import Analysis
from ecg_audio.results.frame_file import FrameFile
from ecg_audio.results.tables import write_tables
from tests.support.results import factory
from tests.support.results.factory import VOICES

CASTS = ((0, 1), (1, 2), (0, 3), (2,), (0, 1, 3), (1, 3))
"""Which of the factory's voices meet in each recording: most of them are heard in several."""


def recordings(count: int = 6, words: int = 72) -> list[Analysis]:
    """Recordings a fortnight apart, in two languages; each fourth is partial."""
    return [
        factory.analysis(
            words,
            [VOICES[index] for index in CASTS[number % len(CASTS)]],
            seed=number + 1,
            title=f"meeting-{number + 1:02d}.wav",
            created_at=f"2026-{3 + number // 2:02d}-{5 + 14 * (number % 2):02d}T08:00:00Z",
            language="ko" if number % 3 == 2 else "en",
            status="partial" if number % 4 == 3 else "completed",
        )
        for number in range(count)
    ]


def publish(store: Path, analyses: Sequence[Analysis], *, wobble: float = 0.0) -> Path:
    """Put the analyses' tables where publishing puts them: features/{table}/date=YYYY-MM-DD/{job_id}.parquet."""
    for analysis in analyses:
        staging = store / "staging"
        with FrameFile(staging / "measured.parquet") as file:
            file.write(factory.frames(analysis, wobble=wobble))
        for table, path in write_tables(analysis, staging / "measured.parquet", staging).items():
            target = store / "features" / table / f"date={analysis.created_at[:10]}" / f"{analysis.job_id}.parquet"
            target.parent.mkdir(parents=True, exist_ok=True)
            path.replace(target)
        (staging / "measured.parquet").unlink()
        staging.rmdir()
    return store
