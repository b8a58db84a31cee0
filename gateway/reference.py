"""/docs: what can be asked of the gateway, as one page that loads nothing, from anywhere."""

import html
from collections.abc import Iterator, Mapping
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

METHODS = ("get", "post", "put", "delete", "patch")
NOTHING_ELSE = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'", "X-Frame-Options": "DENY"}
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "code{font-family:ui-monospace,monospace}h2{margin-top:2rem;border-top:1px solid #ccc;padding-top:1rem}"
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
    yield "<table><tr><th>answers<th></tr>"
    for status, answer in operation["responses"].items():
        yield f"<tr><td>{html.escape(status)}<td>{html.escape(answer.get('description', ''))}</tr>"
    yield "</table>"


def _fields(schema: Mapping[str, Any], described: Mapping[str, Any]) -> list[tuple[str, bool, str]]:
    """Name, whether it is needed, and meaning of each field of a body."""
    if "$ref" in schema:
        schema = described["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    needed = schema.get("required", ())
    return [
        (name, name in needed, field.get("description") or field.get("title", ""))
        for name, field in schema.get("properties", {}).items()
    ]
