"""`tags`, a procedural annotation set: labels of very unequal frequency, and images that prefer
some of them.

Labels follow a Zipf law; each of 32 topics reweighs it by a log-normal factor of its own (`world`).
An image is a mixture of a few topics and draws its labels from that mixture (`blocks`), so that the
expected image × label matrix has rank 32 and can be learnt by a factor model. Images are made in
blocks, each a function of the options and its number, and streamed to disk (`write`).
"""

from __future__ import annotations

from vsebench.data.annotation.tags.dataset import Tags

__all__ = ("Tags",)
