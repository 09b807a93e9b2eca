"""The promises of poolings."""

from __future__ import annotations

from vsebench.testing.poolings import execution, independence, outputs

PROMISES = (
    outputs.gives_an_embedding_per_item,
    outputs.takes_one_row_and_full_items,
    outputs.takes_an_empty_batch,
    outputs.takes_any_memory_layout,
    outputs.leaves_its_inputs_alone,
    independence.never_reads_padding,
    independence.more_padding_changes_nothing,
    independence.items_do_not_depend_on_each_other,
    independence.items_do_not_meet_in_training,
    independence.order_of_the_rows_does_not_matter,
    independence.a_nan_is_not_hidden,
    outputs.shows_the_weights_that_it_uses,
    outputs.gradients_are_right,
    outputs.works_under_autocast,
    outputs.works_in_half_precision,
    execution.is_deterministic,
    execution.its_state_is_in_its_state_dict,
    execution.compiles_as_declared,
    execution.follows_the_device_of_its_inputs,
    execution.cuda_gives_the_same,
    execution.compiles_with_inductor,
)
