"""Cookies for sites that want a login, kept as a secret."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from prefect.blocks.core import Block
from pydantic import Field, SecretStr

from ecg_audio.errors import InvalidRequest


class SiteCookies(Block):
    """Browser cookies for platform URLs, in the Netscape format that browsers' cookie exporters write."""

    _block_type_name = "Site cookies"
    _block_type_slug = "site-cookies"
    _description = "Cookies for video platforms that want a login (Netscape format)."

    cookies: SecretStr = Field(description="The content of a cookies.txt file.")


@contextmanager
def cookie_file(slug: str) -> Iterator[Path]:
    """A file, readable by us alone, with a block's cookies, for as long as the context lasts.

    Raises:
        InvalidRequest: there is no such block.
    """
    try:
        block = SiteCookies.load(slug.removeprefix("site-cookies/"))
    except ValueError as error:
        raise InvalidRequest(f"there is no site-cookies block {slug}") from error
    assert isinstance(block, SiteCookies)
    with tempfile.NamedTemporaryFile("w", prefix="ecg-cookies-", suffix=".txt") as file:
        file.write(block.cookies.get_secret_value())
        file.flush()
        yield Path(file.name)
