"""Many machines on one slow shared folder, on paper: the code that claims, records and looks up
runs is executed as it is, in virtual time.
"""
