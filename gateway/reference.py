"""/docs: what can be asked of the gateway, as one page that loads nothing, from anywhere."""

import html
import json
from collections.abc import Iterator, Mapping
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

METHODS = ("get", "post", "put", "delete", "patch")
NOTHING_ELSE = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'", "X-Frame-Options": "DENY"}
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "code,pre{font-family:ui-monospace,monospace}pre{overflow:auto;padding:.5rem;border:1px solid #8886}"
    "h2{margin-top:2rem;border-top:1px solid #ccc;padding-top:1rem}"
    "table{border-collapse:collapse}td,th{text-align:left;vertical-align:top;padding:.2rem 1rem .2rem 0}"
    "@media(prefers-color-scheme:dark){body{background:#111;color:#eee}a{color:#8cf}}"
)

reference = APIRouter(include_in_schema=False)


@reference.get("/docs", response_class=HTMLResponse)
async def docs(request: Request) -> HTMLResponse:
    """The page; programs read /openapi.json."""
    return HTMLResponse(page(request.app.openapi()), headers=NOTHING_ELSE)


def page(described: Mapping[str, Any]) -> str:
    """An OpenAPI document as HTML: each endpoint with what it takes and how it answers."""
    title = html.escape(described["info"]["title"])
    parts = [
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style>',
        f'<h1>{title}</h1><p>For programs: <a href="openapi.json">openapi.json</a>.</p>',
    ]
    for path, operations in described["paths"].items():
        for method in METHODS:
            if method in operations:
                parts += _operation(f"{method.upper()} {path}", operations[method], described)
    return "".join(parts) + "</html>"


def _operation(name: str, operation: Mapping[str, Any], described: Mapping[str, Any]) -> Iterator[str]:
    yield f"<h2><code>{html.escape(name)}</code></h2><p><b>{html.escape(operation.get('summary', ''))}</b></p>"
    yield f"<p>{html.escape(operation.get('description', ''))}</p>"
    rows = [
        (field["name"], field.get("required", False), field.get("description") or f"in the {field['in']}")
        for field in operation.get("parameters", ())
    ]
    content = operation.get("requestBody", {}).get("content", {})
    for kind, media in content.items():
        rows += _fields(media["schema"], described) if kind == "application/json" else [("body", True, kind)]
    if rows:
        yield "<table><tr><th>takes<th><th></tr>"
        for field, required, meaning in rows:
            yield f"<tr><td><code>{html.escape(field)}</code><td>{'needed' if required else ''}"
            yield f"<td>{html.escape(meaning)}</tr>"
        yield "</table>"
    for media in content.values():
        yield from _shown("takes, for example", media, described)
    yield "<table><tr><th>answers<th></tr>"
    for status, answer in operation["responses"].items():
        yield f"<tr><td>{html.escape(status)}<td>{html.escape(answer.get('description', ''))}</tr>"
    yield "</table>"
    for status, answer in operation["responses"].items():
        for media in answer.get("content", {}).values():
            # what is the same everywhere is shown where it is an endpoint's own
            if status.startswith("2") or "example" in media:
                yield from _shown(f"answers {status}, for example", media, described)


def _shown(what: str, media: Mapping[str, Any], described: Mapping[str, Any]) -> Iterator[str]:
    """An example of a body, where there is one."""
    found = example(media, described)
    if found is not None:
        text = found if isinstance(found, str) else json.dumps(found, indent=2, ensure_ascii=False)
        yield f"<p>{html.escape(what)}:</p><pre tabindex='0'>{html.escape(text)}</pre>"


def example(media: Mapping[str, Any], described: Mapping[str, Any]) -> Any:
    """An example of a body: its own, else the first of its schema; None: there is none."""
    if "example" in media:
        return media["example"]
    return next(iter(_schema(media.get("schema", {}), described).get("examples", ())), None)


def _schema(schema: Mapping[str, Any], described: Mapping[str, Any]) -> Mapping[str, Any]:
    """A schema, by its name where that is all that stands there."""
    if "$ref" not in schema:
        return schema
    found: Mapping[str, Any] = described["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return found


def _fields(schema: Mapping[str, Any], described: Mapping[str, Any]) -> list[tuple[str, bool, str]]:
    """Name, whether it is needed, and meaning of each field of a body."""
    schema = _schema(schema, described)
    needed = schema.get("required", ())
    return [
        (name, name in needed, field.get("description") or field.get("title", ""))
        for name, field in schema.get("properties", {}).items()
    ]
