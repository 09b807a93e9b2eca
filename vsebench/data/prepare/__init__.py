"""Turns the files that people have into the precomp layout: captions of Karpathy's JSON, features
from arrays, HDF5 or TSV files.

`prepare` (in `run`) does it all; `find` sees what a folder holds; `arrays`, `hdf5`, `tsv` and
`rows` read features; `table` and `work` write them so that a killed command goes on where it was.
`instructions` holds the texts of `vsebench data info`.
"""
