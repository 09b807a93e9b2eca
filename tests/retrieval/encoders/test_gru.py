from __future__ import annotations

import copy

import torch
from torch import nn

from vsebench.retrieval.encoders.gru import BiGRUEncoder, GRUEncoder
from vsebench_plugins.learned.rows import Last


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


def test_bigru_is_the_mean_of_both_directions_on_either_path() -> None:
    torch.manual_seed(2)
    encoder = BiGRUEncoder(11, 5, 4)
    reference = nn.GRU(5, 4, batch_first=True, bidirectional=True)
    for name in ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"):
        getattr(reference, name).data.copy_(getattr(encoder.forward_gru, name))
        getattr(reference, f"{name}_reverse").data.copy_(getattr(encoder.backward_gru, name))
    tokens, lengths = torch.randint(11, (3, 6)), torch.tensor([6, 1, 4])
    kernel = encoder(tokens, lengths)
    assert kernel.grad_fn.name() == "NumbaScanBackward"
    with torch.autocast("cpu", enabled=True, dtype=torch.bfloat16):
        padded = encoder(tokens, lengths).float()
    exact = copy.deepcopy(encoder).double()(tokens, lengths)
    for b, n in enumerate(lengths.tolist()):
        forward, backward = reference(encoder.embedding(tokens[b : b + 1, :n]))[0][0].chunk(
            2, dim=1
        )
        torch.testing.assert_close(kernel[b, :n], (forward + backward) / 2, rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(padded[b, :n], (forward + backward) / 2, rtol=0.05, atol=0.02)
        torch.testing.assert_close(exact[b, :n].float(), kernel[b, :n], rtol=1e-5, atol=1e-6)


def test_word_embeddings_start_uniform() -> None:
    assert BiGRUEncoder(1000, 300, 8).embedding.weight.abs().max() <= 0.1
