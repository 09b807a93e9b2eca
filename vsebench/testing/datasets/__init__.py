"""The promises of data sets."""

from __future__ import annotations

from vsebench.testing.datasets import content, files

PROMISES = (
    files.says_how_to_get_it,
    content.it_can_be_opened,
    files.has_the_declared_counts,
    content.splits_are_disjoint,
    content.loading_again_gives_the_same,
    files.its_fingerprint_is_stable,
    files.a_missing_file_is_named,
    files.a_truncated_file_is_named,
)
