"""Annotation sets: images and the labels that each has.

`hold_out` divides the labels of every image into train, dev and test (leave-one-out).
`interactions` reads pairs from text; `mirflickr` and `nuswide81` read the published files;
`flickr8k_words` makes labels of Flickr8k's captions; `tags` is procedural.
"""
