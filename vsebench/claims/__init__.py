"""Claims: hypotheses that are written down before the runs, and what the runs make of them."""
