"""Which files the sets of videos need, as `vsebench data info` prints it."""

from __future__ import annotations

CLIPS = (
    "Nothing to get: it is generated in the cache folder (of your system, or VSEBENCH_CACHE) when "
    "first used."
)

_FILES = """\
  frames.npy           float [rows, width], the frames of all videos, one video after the other
  frames_offsets.npy   integers [videos + 1], where each video's frames begin; the last is the
                       number of rows
  frames_ids.txt       the id of each video of the table, one a line
  captions.txt         UTF-8, VIDEO_ID, a tab and a caption a line, any number for each video
  train_ids.txt, dev_ids.txt, test_ids.txt   the ids of each split, one a line
Videos of the table and captions that are in no split are passed over.
An array per video, as feature extractors leave them (VIDEO_ID.npy in a folder, or one .npz),
becomes the first three files with
  vsebench data pack-frames --from FOLDER --to TARGET"""

FRAMES = f"""\
Put these files into one folder and name it with --data-root FOLDER (ROOT/frames/ is looked in too,
for each ROOT of --data-root, VSEBENCH_DATA and ./data):
{_FILES}"""


def named(name: str, title: str, features: str) -> str:
    """Instructions for a published set."""
    return f"""\
Get the captions and the split of {title} from its authors, and features of its frames ({features}).
Put these files into ROOT/{name}/ and name ROOT with --data-root ROOT or VSEBENCH_DATA=ROOT; ./data
is looked in too:
{_FILES}"""
