"""Image and text encoders: raw local features to D-dimensional ones.

`features` is for precomputed image features and `gru` for words from scratch; `backbone` (raw
images, through `vision`) and `bert` (word pieces) are for pretrained models, which `pretrained`
finds and loads. They are registered in `vsebench.retrieval.builtin`.
"""
