"""A run from its session to its record.

Begin at `train`: it makes a run ready (`session`: `optimisation` of `groups`, `schedule`, `state`)
and goes through `loop`, an epoch of `step`s and a dev evaluation (`selection`) after another. A
loss with offline negatives has a `first_round`, from which `offline_negatives` mines and draws; a
sampler gives `global_negatives`; `collapse` tells a run that no longer learns.
"""
