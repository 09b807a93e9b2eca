"""One run on several devices: each rank, a process with a device of its own, encodes its part of
every batch, and all of them see the loss of the whole batch.

`world` is what a run knows of its ranks, `group` what they tell each other, `leading` starts and
watches them. `whole_batch` makes the gradients of a step, and the statistics of batch
normalisation, the whole batch's.
"""
