"""Trackers: TensorBoard and Weights & Biases, each a plugin of its own."""
