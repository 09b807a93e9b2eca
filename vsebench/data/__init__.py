"""Data sets: their formats, features, captions and vocabularies.

Begin at `open.open_dataset`, which finds, checks (`validate`) and identifies (`fingerprint`) a set.
The sets are registered in `builtin`: `precomp` and `flickr8k` for images with captions, `scenes`
(procedural), `frames` and `clips` (videos), `annotation` (images with labels). `feature_arrays` and
`feature_table` are features as they are stored, `images` raw images, `visual` the option that
chooses between them; `vocabulary` turns captions into ids; `relevance` and `relevance_sets` are
graded relevance. `download` brings the files of a set, one by one with `fetch`; `prepare` makes
what `precomp` reads from the files that people have.
"""
