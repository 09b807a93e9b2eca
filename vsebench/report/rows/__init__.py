"""From runs to rows. Runs (`runs`, of several places `gather`) are divided into `sections` that may
share a table, `variants` keeps rows of one name apart, and `combinations` are means over their
seeds; `evidence` says which prove nothing.
"""
