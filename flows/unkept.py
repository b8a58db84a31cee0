"""A flow's own result is not kept by Prefect: it is in the store already, and stages keep theirs.

A flow that names no place for it asks the server for the default one, three times in a run.
"""

import os
from pathlib import Path
from typing import TypedDict


class Keeping(TypedDict):
    """Keyword arguments of `prefect.flow` that say what of a result is kept, and where."""

    persist_result: bool
    result_storage: Path


UNKEPT = Keeping(persist_result=False, result_storage=Path(os.devnull))
