"""The errors as a page of Markdown, from the classes themselves.

`python -m ecg_audio.error_codes > docs/errors.md` renews the page.
"""

from ecg_audio import errors
from ecg_audio.errors import EcgError

INTRODUCTION = """# Errors

Whatever goes wrong has a code that stays the same: the command line prints it, `--json` and callbacks carry it as
`error_code`. Programs should look at the code, people at the message and the hint.

"Again" says whether the same request can succeed when it is tried again; the pipeline has then tried for a while
already. "Whose" says whose turn it is: the caller's, because the request could never have worked, or the operator's.
`ecg` ends with exit code 2 for the caller's errors and with 1 for the others.

This page is generated: `python -m ecg_audio.error_codes > docs/errors.md`.

| code | what happened | again | whose | what to do |
|---|---|---|---|---|
"""


def markdown() -> str:
    """The page: a line for each kind of error, by code."""
    ours = [kind for kind in errors.kinds() if kind is not EcgError and kind.__module__ == errors.__name__]
    return INTRODUCTION + "".join(
        f"| `{kind.code}` | {_sentence(kind)} | {'yes' if kind.retryable else 'no'} | "
        f"{'caller' if kind.by_user else 'operator'} | {kind.default_hint} |\n"
        for kind in sorted(ours, key=lambda kind: (kind.code, kind.__name__))
    )


def _sentence(kind: type[EcgError]) -> str:
    return (kind.__doc__ or "").partition("\n")[0]


if __name__ == "__main__":
    print(markdown(), end="")  # noqa: T201 - printing is what this command is for
