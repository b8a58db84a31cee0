"""Questions to the tables of a store, with DuckDB and nothing of ours installed.

    python examples/duckdb_tables.py results

For a bucket give `s3://BUCKET/FOLDER`, and DuckDB's own settings for S3.
"""

import sys

import duckdb

PITCH = """
SELECT speaker, count(*) AS words, round(median(f0_mean_hz), 1) AS f0_hz, round(median(rms_dbfs), 1) AS rms_dbfs
FROM read_parquet('{store}/features/words/*/*.parquet', hive_partitioning = true)
GROUP BY ALL
ORDER BY speaker
"""
"""How each speaker sounds: medians of pitch and level over the words in which they were measured."""


def voices(store: str) -> list[tuple[str | None, int, float | None, float | None]]:
    """Speaker, words, pitch and level, over all recordings of a store."""
    return duckdb.sql(PITCH.format(store=store.replace("'", "''"))).fetchall()


def main() -> int:
    """Print a line for each speaker."""
    for speaker, words, f0_hz, rms_dbfs in voices(sys.argv[1]):
        print(f"{speaker or '(nobody)'}: {words} words, {f0_hz} Hz, {rms_dbfs} dBFS")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
