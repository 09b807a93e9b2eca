"""Downloads what a data set's card says may be downloaded: `get` brings the files of a set to their
folder, `fetch` brings one file, whole or not at all.
"""
