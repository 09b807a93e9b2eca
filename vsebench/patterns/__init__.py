"""The pattern task: a pooling learns to reproduce another one, on random sets (VSE-infinity, CVPR
2021, supplement, Table 6).

Begin at `sets`, which draws sets and says what is to be learnt, and at `run` for a run from its
spec to its record: `data` is the data set `patterns`, `errors` tests a pooling.
"""
