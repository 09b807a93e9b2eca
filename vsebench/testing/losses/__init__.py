"""The promises of retrieval losses."""

from __future__ import annotations

from vsebench.testing.losses import execution, offline, values

PROMISES = (
    values.gives_a_finite_scalar,
    values.is_never_negative,
    values.siblings_are_no_negatives,
    values.perfect_embeddings_are_best,
    values.collapsed_embeddings_stay_finite,
    values.takes_a_batch_without_negatives,
    values.order_of_the_batch_does_not_matter,
    values.scales_with_the_batch_as_declared,
    values.asks_for_the_offline_negatives_it_needs,
    offline.mines_negatives,
    offline.draws_the_roles_it_declares,
    offline.draws_no_positives,
    offline.draws_alike_from_one_stream,
    values.asks_for_the_global_negatives_it_needs,
    values.gradients_are_right,
    execution.works_in_half_precision,
    execution.works_under_autocast,
    execution.never_waits_for_the_device,
    execution.its_state_is_in_its_state_dict,
    execution.follows_the_device_of_its_inputs,
    execution.cuda_gives_the_same,
)
