"""Can a pooling learn to be another one? The synthetic test of VSE-infinity (CVPR 2021, supplement,
Table 6), for any registered pooling.

    python -m benchmarks.patterns --pooling gpo,kmax:k=5 --seeds 0-2

A pooling is trained to reproduce a fixed pattern (average, maximum, …) on random sets, and tested
on new sets of sizes inside and outside the range that it saw. What the paper leaves open, or what
we do not know of it, is decided in `task` and `trial`.
"""
