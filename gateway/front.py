"""The page at /: a studio for whoever just has a video. It asks the endpoints that everybody has, and nothing else."""

from functools import cache
from pathlib import Path

from fastapi import APIRouter, Response
from fastapi.responses import FileResponse, HTMLResponse
from starlette.exceptions import HTTPException

from blocks.storage import is_block
from gateway.admission import Set

FOLDER = Path(__file__).parent / "studio"
KINDS = {".js": "text/javascript", ".css": "text/css", ".json": "application/json", ".svg": "image/svg+xml"}

front = APIRouter(include_in_schema=False)


@front.get("/", response_class=HTMLResponse)
async def page(settings: Set) -> HTMLResponse:
    """The page. It asks for the key itself, where there is one."""
    # a bucket takes uploads, and gives recordings, at an address of its own
    elsewhere = " https: http:" if settings.store and is_block(settings.store) else ""
    policy = (
        f"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'{elsewhere}; "
        f"media-src 'self'{elsewhere}; img-src 'self' data:; frame-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    headers = {"Content-Security-Policy": policy, "Referrer-Policy": "no-referrer", "Cache-Control": "no-cache"}
    return HTMLResponse((FOLDER / "index.html").read_text("utf-8"), headers=headers)


@front.get("/studio/languages")
async def languages() -> list[str]:
    """Which languages the page can be read in: those that it has a file of words for."""
    return sorted(Path(name).stem for name in _parts() if name.endswith(".json"))


@front.get("/studio/{name}")
async def part(name: str) -> Response:
    """A program, style or language of the page."""
    if name not in _parts():
        raise HTTPException(404, "there is no such part of the page")
    path = FOLDER / name
    return FileResponse(path, media_type=KINDS[path.suffix], headers={"Cache-Control": "no-cache"})


@cache
def _parts() -> frozenset[str]:
    return frozenset(path.name for path in FOLDER.iterdir() if path.suffix in KINDS)
