"""How a pretrained text model is told which tokens are padding.

transformers reads a mask of tokens to see whether any is hidden at all, and on CUDA the host waits
for that in every step. A mask of pairs of tokens it passes on as it is; but what such a mask has to
say depends on the model, which is therefore asked once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from vsebench.kernels import valid_mask

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    Mask = Callable[[Tensor], Tensor]


def token_mask(valid: Tensor) -> Tensor:
    """Which tokens are there, int64 [B, N], from `valid` bool [B, N]: what every model takes."""
    return valid.long()


def pair_mask(valid: Tensor) -> Tensor:
    """Which tokens each token sees, bool [B, 1, N, N]: all that are there."""
    batch, n = valid.shape
    return valid[:, None, None].expand(batch, 1, n, n)


def causal_mask(valid: Tensor) -> Tensor:
    """Which tokens each token sees, bool [B, 1, N, N]: those that are there, up to itself."""
    n = valid.shape[1]
    return pair_mask(valid) & torch.ones(n, n, dtype=torch.bool, device=valid.device).tril()


def last_states(model: Any, tokens: Tensor, lengths: Tensor, mask: Mask) -> Tensor:
    """The last hidden states [B, N, width] of `tokens` int64 [B, N] with `lengths` [B]."""
    hidden = mask(valid_mask(lengths, tokens.shape[1]))
    states: Tensor = model(input_ids=tokens, attention_mask=hidden).last_hidden_state
    return states


@torch.inference_mode()
def find_mask(model: Any) -> Mask:
    """The mask to give a model on CUDA: one of pairs, where that does what one of tokens does on
    three tiny captions.

    Args:
        model: text model on the CPU, in evaluation mode.
    """
    tokens = torch.tensor([[2, 3, 4, 5], [3, 2, 5, 4], [4, 3, 2, 2]])
    lengths = torch.tensor([4, 3, 1])
    valid = valid_mask(lengths, tokens.shape[1])
    wanted = last_states(model, tokens, lengths, token_mask)[valid]
    for mask in (pair_mask, causal_mask):
        try:
            found = last_states(model, tokens, lengths, mask)[valid]
        except Exception:  # whatever a model says to a mask it does not take
            continue
        if torch.allclose(found, wanted, rtol=1e-4, atol=1e-5):
            return mask
    return token_mask
