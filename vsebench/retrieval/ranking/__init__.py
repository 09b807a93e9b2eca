"""Ranks, places and metrics of embeddings, with no model at all.

Begin at `evaluation` (each image's captions, each caption's image) and `relevance` (any judgements
of any items); `plausible` and `ensemble` are evaluations of their own. What they count is one of
two things:

* a *rank* (`metrics`): how many items that do not belong to a query score at least as high as its
  best match;
* a *place* (`judgements`, `graded`): where in its query's list each judged item stands.

Either is found in one of two ways: exactly, under the inner product (`exact.ranks`,
`exact.places`), or from the scores of any other similarity (`scored`). `top_share` counts, in both
ways, how many relevant items are among a query's first R. All count from 0, and ties count against
the model.
"""
