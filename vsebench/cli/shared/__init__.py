"""What several commands share: `options` that they take, `progress` and `counting` on standard
error, `extensions` of plugins; `sources`, `brought`, `embedded` and `relevance` belong to
`evaluate` and its like.
"""
