"""The promises of negative samplers."""

from __future__ import annotations

from vsebench.testing.samplers import draws, laws

PROMISES = (
    draws.gives_draws_of_the_right_kind,
    draws.never_draws_a_positive,
    laws.draws_follow_its_law,
    laws.its_kernel_has_the_same_law,
    laws.needs_no_vectors_where_it_says_so,
    draws.knows_edge_anchors,
    draws.same_key_same_draws,
    draws.another_key_gives_other_draws,
    draws.a_draw_depends_on_its_number_only,
    draws.rows_may_be_other_images,
    laws.says_when_to_refresh,
    laws.a_refresh_forgets_the_past,
    laws.its_tables_can_be_saved,
    draws.follows_the_device_of_its_inputs,
    draws.cuda_has_the_same_law,
)
