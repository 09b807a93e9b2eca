"""The inputs of a run: `run_inputs` opens its three splits, `splits` gathers their images and
captions by index, and `batches` makes the batches of a training step of them, augmented by
`augment`.
"""
