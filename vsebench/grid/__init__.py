"""Component specs, suites, plans, and the running of them."""
