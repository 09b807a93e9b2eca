"""From records to tables.

Begin at `results`: `runs` are read and divided into `sections` that may share a table, `rows` are
means over their seeds, `layout` makes them cells, `formats` text, and `page` one HTML file. Below a
table stand `notes`, `made_with` and `evidence_notes`; `evidence` says which rows prove nothing.
Beside tables, `comparison` judges differences, `speedup` how soon rows arrive (`convergence`), and
`verify` published figures (`matching`); modules named `*_text` write what these found. What is
computed for any of them is in `statistics`, `estimates`, `two_way` and `moderation`.
"""
