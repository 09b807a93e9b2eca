"""The figures of a board: convergence over several costs, quality against cost, differences."""
