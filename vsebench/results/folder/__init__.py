"""Folders of runs: `store` finds and claims them, each in a `directory` under a `lease`, sealed at
its end; `find` resolves the names that a person writes.
"""
