"""Shared parts of GRU cells in float32: their nonlinearities, and the gradients behind their
candidate.

The errors of the nonlinearities are below 2.5e-7 of the value; a NaN stays one.
"""

from __future__ import annotations

import numpy as np

from vsebench.kernels.exponential_numba import exponential
from vsebench.kernels.jit import jit

__all__ = ("candidate_gradient", "sigmoid", "tanh")


@jit(fastmath={"contract"}, inline=True)
def sigmoid(x: np.float32) -> np.float32:
    """Below −87 it stays at e^−87, the smallest that is not denormal."""
    x = np.float32(87) if x > np.float32(87) else x
    x = np.float32(-87) if x < np.float32(-87) else x
    scale, rest = exponential(-x)
    return np.float32(1) / (np.float32(1) + (scale + scale * rest))


@jit(fastmath={"contract"}, inline=True)
def tanh(x: np.float32) -> np.float32:
    """Of a number; exactly ±1 from ±10 on."""
    x = np.float32(10) if x > np.float32(10) else x
    x = np.float32(-10) if x < np.float32(-10) else x
    scale, rest = exponential(x + x)
    # e^2x − 1 without cancellation: the power of two less 1 is exact
    less_one = scale * rest + (scale - np.float32(1))
    return less_one / (less_one + np.float32(2))


@jit(fastmath={"contract"}, inline=True)
def candidate_gradient(
    gradient: np.ndarray, row: np.ndarray, share: np.ndarray, target: np.ndarray
) -> None:
    """Fills the reset gate's and the candidate's part of `share`, and adds all parts to `target`.

    Args:
        gradient: [H], of the candidate's pre-activation.
        row: [4H], the reset gate, the update gate, the candidate and the candidate's recurrent
            share, of the forward pass.
        share: [3H], gradient of the recurrent share of the gates' pre-activations; its update gate
            has been filled.
        target: [3H], gradient of the inputs' share of the pre-activations.
    """
    size, one = len(gradient), np.float32(1)
    for j in range(size):
        target[2 * size + j] += gradient[j]
    for j in range(size):
        share[2 * size + j] = gradient[j] * row[j]
    for j in range(size):
        share[j] = share[2 * size + j] * row[3 * size + j] * (one - row[j])
    for j in range(2 * size):
        target[j] += share[j]
