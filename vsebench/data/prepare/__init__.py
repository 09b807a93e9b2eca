"""Turns the files that people have into the precomp layout: captions of Karpathy's JSON, features
from arrays, HDF5 or TSV files.

Begin at `prepare.prepare`, which does it all. `gather` sees what a folder holds and brings together
whose captions and whose features; `karpathy` reads captions; `arrays`, `hdf5`, `tsv`
and `precomp` read features, each a `source`; `feature_writer` writes them so that a killed command
resumes where it was; `manifest` says what was made of what. `audit` proves that an opened set is
the published one.
"""
