"""What several commands share: `options` that they take, `messages`, `progress` and `counting`,
`extensions` of plugins; `models`, `embedded`, `brought` and `relevance` belong to `evaluate` and
its like.
"""
