"""Bodies that unpack to far more than they are, and who meets one, for a process with little memory."""

import gzip
from pathlib import Path

from ecg_audio.address import Permit
from ecg_audio.delivery.callback import Endpoint
from ecg_audio.delivery.client import CallbackClient
from ecg_audio.media import http
from ecg_audio.media.transfer import Timeouts
from ecg_audio.progress import Report
from ecg_audio.request import Limits


def packed(layers: int) -> bytes:
    """A gigabyte of zeros, compressed so many times over: gzip's members may stand one behind the other."""
    body = gzip.compress(bytes(1 << 20), mtime=0) * 1000
    for _ in range(layers - 1):
        body = gzip.compress(body, mtime=0)
    return body


def download(url: str, folder: str, most_bytes: int, *, report: Report) -> str:
    """Download, from loopback too."""
    permit = Permit(["127.0.0.0/8"])
    limits = Limits(max_bytes=most_bytes)
    return http.download(url, Path(folder), limits=limits, report=report, permit=permit, timeouts=Timeouts()).path


def told(url: str, *, report: Report) -> tuple[str, int | None]:
    """Send a message whose answer is one; what became of it."""
    with CallbackClient(Endpoint(url), Permit(["127.0.0.0/8"])) as client:
        answer = client.post(b"{}", "msg_1")
        return answer.verdict, answer.status
