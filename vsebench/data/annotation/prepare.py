"""Which files each annotation set needs, where they come from and where to put them, as `vsebench
data info` prints it.
"""

from __future__ import annotations

TAGS = (
    "Nothing to get: it is generated in the cache folder (of your system, or VSEBENCH_CACHE) when "
    "first used."
)

_ROOT = "and name ROOT with --data-root ROOT or VSEBENCH_DATA=ROOT; ./data is looked in too."

MIRFLICKR = f"""\
Get mirflickr25k-yall.mat, the user tags in the version of MIRFlickr-25k for cross-modal retrieval
that is shared together with mirflickr25k-lall.mat (24 concepts) and mirflickr25k-iall.mat (images);
only the tags are needed. Its variable YAll is 20,015 images x 1,386 tags of zeros and ones.
The photographs and their tags: https://press.liacs.nl/mirflickr/
Put it into one of
  ROOT/mirflickr/    ROOT/mirflickr25k_tags/    ROOT/mirflickr25k/    ROOT/
{_ROOT}"""

NUSWIDE81 = f"""\
Get Groundtruth.zip and ConceptsList.zip from
  https://lms.comp.nus.edu.sg/wp-content/uploads/2019/research/nuswide/NUS-WIDE.html
and leave them packed. One line of the published files is damaged (Labels_lake_Train.txt, line
78373, reads -1130179); it is read as 0.
Put both into one of
  ROOT/nuswide81/    ROOT/nuswide/    ROOT/NUS-WIDE/    ROOT/
{_ROOT}"""

_FORMAT = """\
  interactions.txt           all pairs; one label of each image is held out for test, or
  train.txt and test.txt     pairs with the test labels that you hold out
Each line is 'image label value', separated by spaces: the ids may be any text, and a pair counts
when its value is above 0. (A label id with a space in it must be written without.) One label more
of each image is held out of training for selection."""


def interactions(name: str, *folders: str) -> str:
    """How to prepare a set of pairs in text files."""
    places = "    ".join(f"ROOT/{folder}/" for folder in (name, *folders))
    return (
        f"Put into {places}    ROOT/ either\n{_FORMAT}\nName ROOT with --data-root ROOT or "
        "VSEBENCH_DATA=ROOT; ./data is looked in too."
    )


def published(source: str, name: str, *folders: str) -> str:
    """How to prepare a set of the VSE-ens paper, whose own files were never published."""
    return (
        "The files of the paper were not published. Take the image annotations from "
        f"{source}\nand write them as pairs.\n{interactions(name, *folders)}"
    )
