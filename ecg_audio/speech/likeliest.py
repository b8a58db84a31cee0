"""The likeliest course of things, where staying is free and each change has its price (Viterbi 1967)."""

import numpy as np
from numpy.typing import NDArray


def best_path(scores: NDArray[np.float64], costs: NDArray[np.float64]) -> NDArray[np.int64]:
    """The states of the path whose scores, less what its changes cost, have the highest sum.

    Args:
        scores: (steps, states) float64.
        costs: (steps,) float64, of a change of state into each step.

    Returns:
        (steps,) int64.
    """
    steps, states = scores.shape
    came_from = np.zeros((steps, states), dtype=np.int32)
    total = scores[0].copy()
    own = np.arange(states)
    for step in range(1, steps):
        best = int(total.argmax())
        changed = total[best] - costs[step]
        stay = total >= changed
        came_from[step] = np.where(stay, own, best)
        total = np.where(stay, total, changed) + scores[step]
    path = np.empty(steps, dtype=np.int64)
    path[-1] = int(total.argmax())
    for step in range(steps - 1, 0, -1):
        path[step - 1] = came_from[step, path[step]]
    return path
