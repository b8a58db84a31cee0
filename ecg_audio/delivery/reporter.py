"""Progress callbacks while a job runs: the latest figure, not too often, and never long in silence."""

import logging
import threading
from collections.abc import Callable
from dataclasses import replace

from ecg_audio.delivery import callback
from ecg_audio.delivery.callback import Step
from ecg_audio.delivery.client import CallbackClient, new_id
from ecg_audio.progress import Snapshot

AT_MOST_EVERY_S = 2.0
AT_LEAST_EVERY_S = 20.0
LAST_POST_S = 15.0
"""Longer than one attempt to deliver may take."""

logger = logging.getLogger(__name__)


class Reporter:
    """Tells an endpoint how far a job is, from a thread of its own: a slow or dead receiver never holds up the work.

    Progress is not kept for later: what could not be delivered is overtaken by the next figure. A receiver that
    refuses is left alone until the terminal callback.

    Args:
        job_id: the backend's own id.
        client: carries the callbacks; the reporter closes nothing.
        known: whether a figure is kept where it outlives this process; it is asked before each. One that is not is not
            said, because a run that is begun again would say a lower one: the last figure is said again meanwhile.
        reached: the figure that an earlier try of the same run has said; lower ones are not said again.
        at_most_every_s: changes that come faster are sent as one.
        at_least_every_s: the last figure is said again after so long a silence.
    """

    def __init__(
        self,
        job_id: str,
        client: CallbackClient,
        *,
        known: Callable[[int], bool] = lambda _figure: True,
        reached: int = 0,
        at_most_every_s: float = AT_MOST_EVERY_S,
        at_least_every_s: float = AT_LEAST_EVERY_S,
    ) -> None:
        self._job_id = job_id
        self._client = client
        self._known = known
        self._at_most_every_s = at_most_every_s
        self._at_least_every_s = at_least_every_s
        self._reached = reached
        self._latest: Step | None = None
        self._changed = threading.Event()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._report, name="callback-progress", daemon=True)

    @property
    def progress(self) -> int:
        """The furthest figure so far; 0 before the first."""
        return self._latest.progress if self._latest else self._reached

    def listen(self, snapshot: Snapshot) -> None:
        """Take a job's progress: a `Listener`. Figures only rise; a message holds as long as its figure does."""
        step, before = callback.step(snapshot), self._latest
        if step is None or step == before or step.progress < self.progress:
            return
        self._latest = replace(step, progress=min(99, step.progress))
        self._changed.set()

    def _report(self) -> None:
        said: Step | None = None
        while not self._ended.is_set():
            self._changed.wait(self._at_least_every_s)
            self._changed.clear()
            step = self._latest
            if step is not None and not self._known(step.progress):
                step = said
            if step is None or self._ended.is_set():
                continue
            said = step
            answer = self._client.post(callback.working(self._job_id, step, self._client.endpoint.locale), new_id())
            if answer.verdict == "refused":
                logger.warning("progress is no longer reported: %s %s", answer.status or "", answer.said)
                return
            self._ended.wait(self._at_most_every_s)

    def __enter__(self) -> "Reporter":
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        """Stop. Nothing is sent afterwards, so that the terminal callback is the last."""
        self._ended.set()
        self._changed.set()
        self._thread.join(LAST_POST_S)
