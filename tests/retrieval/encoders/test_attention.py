from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch

from tests.tiny_models import write_bert
from tests.tiny_vision import write_vision
from vsebench.retrieval.encoders.bert import (
    BertEncoder,
    causal_mask,
    find_mask,
    last_states,
    pair_mask,
    token_mask,
)

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("kind", ["bert", "clip"])
def test_a_mask_of_pairs_gives_the_states_of_one_of_tokens(tmp_path: Path, kind: str) -> None:
    path = write_bert(tmp_path) if kind == "bert" else write_vision(tmp_path, "clip")
    model = BertEncoder(8, str(path)).backbone.eval()
    mask = find_mask(model)
    assert mask is (pair_mask if kind == "bert" else causal_mask)
    tokens = torch.randint(2, 18, (6, 9), generator=torch.Generator().manual_seed(0))
    lengths = torch.tensor([9, 1, 4, 9, 2, 7])
    valid = torch.arange(9) < lengths[:, None]
    with torch.no_grad():
        found, expected = (
            last_states(model, tokens, lengths, each)[valid] for each in (mask, token_mask)
        )
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_a_model_that_takes_no_mask_of_pairs_gets_one_of_tokens(tmp_path: Path) -> None:
    model = BertEncoder(8, str(write_bert(tmp_path))).backbone.eval()

    def picky(input_ids: torch.Tensor, attention_mask: torch.Tensor) -> Any:
        if attention_mask.ndim != 2:
            raise IndexError("too many dimensions")
        return model(input_ids=input_ids, attention_mask=attention_mask)

    def deaf(input_ids: torch.Tensor, attention_mask: torch.Tensor) -> Any:
        return model(
            input_ids=input_ids, attention_mask=attention_mask if attention_mask.ndim == 2 else None
        )

    assert find_mask(picky) is token_mask
    assert find_mask(deaf) is token_mask
