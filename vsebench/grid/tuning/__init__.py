"""Protocol values chosen for each row of a suite, with equal effort: what is searched, how trials
are promoted, and what is written.
"""
