"""Voices told apart: from vectors of short windows, and from who a segmentation hears as one, to a speaker per frame.

Vectors of 1.6 s tell two speakers apart where a segmentation of 10 s at a time takes them for one, but they are vague
about when one ends and the other begins; the segmentation knows that to a few hundredths of a second, and never takes
two people who talk to each other on one line for one. Each says what it knows.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ecg_audio.speech.likeliest import best_path

WINDOW_S = 1.6
HOP_S = 0.25

# finding voices
MIN_SPEECH = 0.4  # of a window, for its vector to say whose it is
CLUSTERED_AT_MOST = 4000  # windows; of more, every n-th is clustered
CLUSTERED_HOP = 2
SPLIT_DISTANCE = 0.3  # mean cosine distance of windows above which clusters stay apart at first
SMALLEST_S = 1.0  # of windows, for a cluster
FEWEST_WINDOWS = 3
ROUNDS = 4  # of giving windows to voices and taking their means
WINDOW_EVIDENCE = 20.0  # log-likelihood of a window for each unit of cosine
WINDOW_CHANGE_COST = 3.0

# one voice or two: fitted by logistic regression to pairs of clusters, leaving out one speaker at a time
ALIKE = 0.63  # the cosine that it takes where the shorter part has 1 s of speech
ALIKE_PER_LOG_S = 0.11  # more for each e-fold of that
LONGEST_S = 10.0  # beyond this more speech does not make a vector surer
SHORTEST_S = 0.5
APART_BELOW = 0.6  # share of moments at which the segmentation hears two parts as one speaker
APART_COST = 0.45  # of cosine, for each unit of share below
APART_SURE_S = 3.0

# who speaks at each moment
EVIDENCE_PER_S = 120.0  # log-likelihood for each second and unit of cosine
CHANGE_COST = 6.0  # of a change in the midst of a local speaker's talk
SEAM_COST = 0.5  # of one where a local speaker ends or begins
SEAM = 0.35  # share of chunks that must hear somebody begin or end, for a run to end
SHORT_RUN_S = 1.2  # such a run is judged by its own vector, not by windows that hold more than it
LONG_RUN_S = 3.0  # and such a one by windows, because two voices may be in it
LOCAL_SHARE_SHORT = 0.6  # of the evidence from what its local speaker says elsewhere in the chunk: for short runs
LOCAL_SHARE_LONG = 0.2  # and for long ones
SURE_S = 1.0  # a local speaker of so much speech has a voice
HEARD = 0.5  # share of chunks that must hear one local speaker at a frame, for that to count in full
OTHER_COST = 0.4  # of cosine, for the voice that another local speaker of the chunk has

NEAR = np.array([1, 2, 3, 2, 1]) / 3

Vectors = NDArray[np.float32]
Labels = NDArray[np.int64]
NOBODY = -1


@dataclass(frozen=True, slots=True)
class VoiceEvidence:
    """What the models heard, in frames of `frame_s`.

    `vectors` is (windows, dimension), unit vectors of windows of 1.6 s centred at 0, 0.25, 0.5 ... s, NaN where nothing
    sounds. `run_vectors` is (runs, dimension), those of `runs`, NaN where one is too short. `speech` is (frames,).
    `active` is (chunks, frames of a chunk, local speakers): who of the people in a chunk
    speaks, chunk by chunk without knowing them again; `starts` is (chunks,), the frame at which each begins.
    """

    vectors: Vectors
    run_vectors: Vectors
    speech: NDArray[np.bool_]
    active: NDArray[np.bool_]
    starts: Labels
    frame_s: float


@dataclass(frozen=True, slots=True)
class Voices:
    """Who speaks: `speaker` is (frames,), -1 where nobody does; `second` likewise for one who speaks at the same time.

    `centroids` is (speakers, dimension), unit vectors.
    """

    speaker: Labels
    second: Labels
    centroids: Vectors


def runs(speech: NDArray[np.bool_], active: NDArray[np.bool_], starts: Labels) -> Labels:
    """Stretches of speech in which nobody begins or ends, as far as the segmentation hears: (runs, 2) frames.

    Args:
        speech: as `VoiceEvidence` has it.
        active: likewise.
        starts: likewise.
    """
    seams = _seams(active, starts, len(speech))
    peaks = (seams >= SEAM) & (seams >= np.roll(seams, 1)) & (seams > np.roll(seams, -1))
    edges = np.flatnonzero(np.diff(speech.astype(np.int8), prepend=0, append=0))
    inside = np.convolve(~speech, np.ones(len(NEAR)), "same") == 0  # not beside a pause, which is an edge already
    bounds = np.unique(np.concatenate([edges, np.flatnonzero(peaks & inside)]))
    return np.array([(a, b) for a, b in itertools.pairwise(bounds.tolist()) if speech[a]], dtype=np.int64).reshape(
        -1, 2
    )


def tell_apart(heard: VoiceEvidence, *, least: int = 1, most: int | None = None) -> Voices:
    """Find the voices of a recording and who speaks at each moment.

    Args:
        heard: one recording.
        least: so many voices at least, as far as so many can be told apart.
        most: no more than so many; None: no bound.
    """
    windows = _Windows(heard)
    if not len(windows.vectors):
        nobody = np.full(len(heard.speech), NOBODY)
        return Voices(nobody, nobody, np.zeros((0, heard.vectors.shape[1]), np.float32))
    local = _Local(heard)
    centroids = _joined(windows, local, windows.clustered(), least, most)
    speaker = _labelled(heard, local, centroids)
    return Voices(speaker, local.second(speaker), centroids)


def likeness(cosine: float, shorter_s: float, as_one: float, together_s: float) -> float:
    """By how much two parts are more alike than it takes to call them one voice; negative: they are two.

    Args:
        cosine: of their mean vectors.
        shorter_s: speech in the part that has less of it: a vector of little speech is as much of what was said as of
            who said it.
        as_one: in the chunks in which both are heard, how often as one local speaker; NaN where there is no such chunk.
        together_s: how much speech that rests on.
    """
    wanted = ALIKE + ALIKE_PER_LOG_S * float(np.log(np.clip(shorter_s, SHORTEST_S, LONGEST_S)))
    if not np.isnan(as_one):
        wanted += APART_COST * max(0.0, APART_BELOW - as_one) * min(1.0, together_s / APART_SURE_S)
    return cosine - wanted


def similarities(vectors: Vectors, centroids: Vectors) -> NDArray[np.float64]:
    """Cosines of windows and voices, (windows, speakers); NaN where nothing sounds."""
    return np.asarray(vectors.astype(np.float64) @ centroids.T.astype(np.float64))


class _Windows:
    """The vectors of windows with enough speech in them."""

    def __init__(self, heard: VoiceEvidence) -> None:
        per_window = HOP_S / heard.frame_s
        centres = np.arange(len(heard.vectors)) * per_window
        half = WINDOW_S / 2 / heard.frame_s
        spoken = np.concatenate([[0], np.cumsum(heard.speech)])
        starts, ends = (np.clip(centres + side, 0, len(heard.speech)).astype(int) for side in (-half, half))
        share = (spoken[ends] - spoken[starts]) / np.maximum(1, ends - starts)
        used = (share >= MIN_SPEECH) & ~np.isnan(heard.vectors[:, 0])
        if not used.any():  # a word or two in all
            used = (share > 0) & ~np.isnan(heard.vectors[:, 0])
        self.vectors = heard.vectors[used]
        self._frames = np.clip(centres[used], 0, max(0, len(heard.speech) - 1)).astype(int)
        self._speech = heard.speech

    def clustered(self) -> Vectors:
        """Mean vectors of clusters, more of them than there are voices."""
        from scipy.cluster.hierarchy import fcluster, linkage

        hop = max(CLUSTERED_HOP, -(-len(self.vectors) // CLUSTERED_AT_MOST))
        some = self.vectors[::hop]
        if len(some) < 2:
            return _units(self.vectors.mean(axis=0, keepdims=True))
        cluster = fcluster(linkage(some, "average", "cosine"), SPLIT_DISTANCE, "distance") - 1
        sizes = np.bincount(cluster)
        smallest = max(1, round(SMALLEST_S / (hop * HOP_S)))
        kept = np.flatnonzero(sizes >= smallest)
        if not len(kept):
            kept = np.array([int(sizes.argmax())])
        return self.refined(_units(np.array([some[cluster == number].mean(axis=0) for number in kept])), ROUNDS)

    def refined(self, centroids: Vectors, rounds: int) -> Vectors:
        """Give windows to voices and take the voices' means, some rounds; a voice that loses its windows goes."""
        for _ in range(rounds):
            owner = self.owners(centroids)
            sizes = np.bincount(owner, minlength=len(centroids))
            kept = np.flatnonzero(sizes >= min(FEWEST_WINDOWS, sizes.max()))
            centroids = _units(np.array([self.vectors[owner == number].mean(axis=0) for number in kept]))
        return centroids

    def owners(self, centroids: Vectors) -> Labels:
        """The voice of each window, where a change costs."""
        scores = WINDOW_EVIDENCE * similarities(self.vectors, centroids)
        return best_path(scores, np.full(len(scores), WINDOW_CHANGE_COST))

    def by_frame(self, owner: Labels) -> Labels:
        """The owner of the nearest window, for frames of speech."""
        frames = np.arange(len(self._speech))
        after = np.clip(np.searchsorted(self._frames, frames), 0, len(owner) - 1)
        before = np.maximum(0, after - 1)
        nearer = np.abs(self._frames[before] - frames) <= np.abs(self._frames[after] - frames)
        return np.where(self._speech, owner[np.where(nearer, before, after)], NOBODY)


class _Local:
    """The segmentation's local speakers, who are known for the length of a chunk."""

    def __init__(self, heard: VoiceEvidence) -> None:
        self._heard = heard
        self._alone = heard.active & (heard.active.sum(axis=2, keepdims=True) == 1)

    def _chunks(self, count: int) -> Iterator[tuple[int, slice, int]]:
        """Number of a chunk, its frames, and how many of them there are."""
        for chunk, start in enumerate(self._heard.starts):
            length = min(self._heard.active.shape[1], count - int(start))
            if length > 0:
                yield chunk, slice(int(start), int(start) + length), length

    def as_one(self, speaker: Labels, count: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """For each pair of voices, how often chunks hear both as one local speaker, and on how many seconds it rests.

        Both (count, count); the first is NaN where no chunk hears both.
        """
        agreed, weight = np.zeros((count, count)), np.zeros((count, count))
        for chunk, frames, length in self._chunks(len(speaker)):
            alone, said_by = self._alone[chunk, :length], speaker[frames]
            heard = np.array([alone[said_by == number].sum(axis=0) for number in range(count)], dtype=float)
            sizes = heard.sum(axis=1)
            present = np.flatnonzero(sizes)
            if len(present) < 2:
                continue
            pairs = np.ix_(present, present)
            smaller = np.minimum.outer(sizes[present], sizes[present])
            shares = heard[present] / sizes[present, None]
            agreed[pairs] += (shares @ shares.T) * smaller
            weight[pairs] += smaller
        with np.errstate(invalid="ignore"):
            return np.where(weight > 0, agreed / weight, np.nan), weight * self._heard.frame_s

    def elsewhere(self, scores: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """What the local speaker of a frame scores where it speaks alone in its chunk.

        A chunk in which a local speaker says more counts more.

        Args:
            scores: (frames, speakers).

        Returns:
            Means (frames, speakers), and how far to go by them, (frames,) in [0, 1]: half of the chunks must hear a
            local speaker at a frame.
        """
        total, weight = np.zeros_like(scores), np.zeros(len(scores))
        hearing, chunks = np.zeros(len(scores)), np.zeros(len(scores))
        for chunk, frames, length in self._chunks(len(scores)):
            alone = self._alone[chunk, :length].astype(float)
            sizes = alone.sum(axis=0)
            means = (alone.T @ scores[frames]) / np.maximum(1.0, sizes)[:, None]
            means -= self._others(means, sizes)
            total[frames] += alone @ (means * sizes[:, None])
            weight[frames] += alone @ sizes
            hearing[frames] += alone.sum(axis=1)
            chunks[frames] += 1
        return total / np.maximum(1.0, weight)[:, None], np.minimum(1.0, hearing / np.maximum(1.0, HEARD * chunks))

    def _others(self, means: NDArray[np.float64], sizes: NDArray[np.float64]) -> NDArray[np.float64]:
        """What is taken from each local speaker's score for the voice that a local speaker of more words surely has."""
        taken = np.zeros_like(means)
        for local, other in itertools.permutations(np.flatnonzero(sizes), 2):
            if sizes[other] > sizes[local] and sizes[other] * self._heard.frame_s >= SURE_S:
                taken[local, means[other].argmax()] = OTHER_COST
        return taken

    def second(self, speaker: Labels) -> Labels:
        """Who speaks beside the speaker of each frame: the one whose words a second local speaker says when alone."""
        count = int(speaker.max(initial=NOBODY)) + 1
        votes = np.zeros((len(speaker), count))
        wanted = np.zeros(len(speaker))
        chunks = np.zeros(len(speaker))
        for chunk, frames, length in self._chunks(len(speaker)):
            active, alone, said_by = self._heard.active[chunk, :length], self._alone[chunk, :length], speaker[frames]
            owned = np.array([alone[said_by == number].sum(axis=0) for number in range(count)], dtype=float)
            shares = owned / np.maximum(1.0, owned.sum(axis=0))
            both = active.sum(axis=1) > 1
            votes[frames] += np.where(both[:, None], active @ shares.T, 0.0)
            wanted[frames] += both
            chunks[frames] += 1
        votes[np.arange(len(speaker)), np.maximum(0, speaker)] = 0.0
        found = (wanted > chunks / 2) & (speaker >= 0) & (votes.max(axis=1, initial=0.0) > 0)
        return np.where(found, votes.argmax(axis=1) if count else NOBODY, NOBODY)


def _seams(active: NDArray[np.bool_], starts: Labels, count: int) -> NDArray[np.float64]:
    """In what share of the chunks that hear a frame somebody begins or ends at it or close by, (count,)."""
    changed, chunks = np.zeros(count), np.zeros(count)
    for start, chunk in zip(starts.tolist(), active, strict=True):
        heard = chunk[: max(0, count - start)]
        if len(heard):
            changed[start + 1 : start + len(heard)] += (heard[1:] != heard[:-1]).any(axis=1)
            chunks[start : start + len(heard)] += 1
    near = np.convolve(changed, NEAR, "same")  # chunks do not agree to the frame
    return np.asarray(near / np.maximum(1.0, chunks))


def _joined(windows: _Windows, local: _Local, centroids: Vectors, least: int, most: int | None) -> Vectors:
    """Put together what is one voice, the surest pair first, and look anew."""
    while len(centroids) > max(1, least):
        owner = windows.owners(centroids)
        speaker = windows.by_frame(owner)
        lengths_s = np.bincount(speaker[speaker >= 0], minlength=len(centroids)) * local._heard.frame_s
        as_one, together_s = local.as_one(speaker, len(centroids))
        cosines = centroids @ centroids.T
        surest, a, b = max(
            (likeness(float(cosines[i, j]), min(lengths_s[i], lengths_s[j]), as_one[i, j], together_s[i, j]), i, j)
            for i, j in itertools.combinations(range(len(centroids)), 2)
        )
        if surest < 0 and (most is None or len(centroids) <= most):
            break
        weights = np.maximum(lengths_s[[a, b]], local._heard.frame_s)
        both = _units((centroids[[a, b]] * weights[:, None]).sum(axis=0, keepdims=True))
        centroids = windows.refined(np.vstack([np.delete(centroids, [a, b], axis=0), both]), 2)
    return centroids


def _labelled(heard: VoiceEvidence, local: _Local, centroids: Vectors) -> Labels:
    """The speaker of each frame of speech, by the likeliest path."""
    count = len(heard.speech)
    cosines = similarities(heard.vectors, centroids)
    heard_windows = np.flatnonzero(~np.isnan(cosines[:, 0]))
    at = np.arange(count) * heard.frame_s / HOP_S
    scores = np.column_stack([np.interp(at, heard_windows, cosines[heard_windows, k]) for k in range(len(centroids))])
    own = similarities(heard.run_vectors, centroids)
    local_share = np.full((count, 1), LOCAL_SHARE_LONG)
    for (start, end), cosine in zip(runs(heard.speech, heard.active, heard.starts), own, strict=True):
        length_s = (end - start) * heard.frame_s
        local_share[start:end] = np.interp(length_s, (SHORT_RUN_S, LONG_RUN_S), (LOCAL_SHARE_SHORT, LOCAL_SHARE_LONG))
        if not np.isnan(cosine[0]):
            share = np.interp(length_s, (SHORT_RUN_S, LONG_RUN_S), (1.0, 0.0))
            scores[start:end] = share * cosine + (1 - share) * scores[start:end]
    elsewhere, hearing = local.elsewhere(scores)
    local_share *= hearing[:, None]
    scores = (1 - local_share) * scores + local_share * elsewhere
    scores *= EVIDENCE_PER_S * heard.frame_s * heard.speech[:, None]
    seams = np.where(heard.speech, np.minimum(1.0, _seams(heard.active, heard.starts, count)), 1.0)
    costs = CHANGE_COST - (CHANGE_COST - SEAM_COST) * seams
    return np.where(heard.speech, best_path(scores, costs), NOBODY)


def _units(vectors: NDArray[np.float32]) -> Vectors:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)
