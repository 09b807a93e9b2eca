from __future__ import annotations

import torch

from vsebench.retrieval.encoders.gru_last import GRUEncoder
from vsebench_learned.positions import Last


def test_with_the_pooling_last_it_is_the_state_after_the_whole_caption() -> None:
    torch.manual_seed(0)
    encoder = GRUEncoder(11, 5, 4)
    tokens, lengths = torch.randint(11, (3, 6)), torch.tensor([6, 1, 4])
    pooled = Last()(encoder(tokens, lengths), lengths)
    for b, n in enumerate(lengths.tolist()):
        state = torch.zeros(1, 1, 4)
        for token in tokens[b, :n]:  # word by word
            _, state = encoder.gru(encoder.embedding(token)[None, None], state)
        torch.testing.assert_close(pooled[b], state[0, 0])


def test_padding_is_never_read() -> None:
    encoder = GRUEncoder(11, 5, 4)
    tokens, lengths = torch.randint(11, (3, 6)), torch.tensor([6, 1, 4])
    padded = torch.where(torch.arange(6) < lengths[:, None], tokens, 3)
    one, other = encoder(tokens, lengths), encoder(padded, lengths)
    for b, n in enumerate(lengths.tolist()):
        torch.testing.assert_close(one[b, :n], other[b, :n], rtol=0, atol=0)
