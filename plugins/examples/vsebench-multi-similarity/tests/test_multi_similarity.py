"""The loss keeps its promises, and is the library's own."""

import pytest
import torch
from pytorch_metric_learning.losses import MultiSimilarityLoss

import vsebench
from vsebench.testing import Pairs


@pytest.mark.vsebench("loss", "multi-similarity")
@pytest.mark.vsebench("loss", "multi-similarity:alpha=1:beta=10:base=0.3")
def test_keeps_its_promises(check):
    check()


@pytest.mark.parametrize("masked", ["none", "siblings"])
def test_it_is_the_librarys_loss_of_the_same_pairs(masked):
    """By the public route: index tuples (anchor, positive, anchor, negative) between images and
    captions, once in each direction.
    """
    inputs = Pairs("siblings", masked=masked).inputs()
    public = MultiSimilarityLoss()
    wanted = 0.0
    for items, others, positives in (
        (inputs.image, inputs.text, inputs.positives),
        (inputs.text, inputs.image, inputs.positives.T),
    ):
        tuples = (*positives.nonzero(as_tuple=True), *(~positives).nonzero(as_tuple=True))
        wanted += public(items, indices_tuple=tuples, ref_emb=others)
    torch.testing.assert_close(vsebench.create("loss", "multi-similarity")(inputs), wanted)
