"""From records to tables.

Begin at `results`. `rows` reads runs, divides them into sections that may share a table and takes
means over seeds; `statistics` has every interval and test; `tables` makes them text, with the notes
below. Beside tables, `comparison` judges differences, `queries` looks at single queries, `speed`
says how soon rows arrive, `leaderboard` ranks, and `verification` compares with published figures.
`figures` draws, and `page` is results as one HTML file. Modules named `text` write what their
neighbours found.
"""
