"""One block of images: scenes, captions and region vectors, a pure function of the options, the
split and the block's number.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from vsebench.data.scenes.options import BLOCK
from vsebench.data.scenes.phrasing import phrase
from vsebench.data.scenes.render import render
from vsebench.data.scenes.sampling import Scenes, draw_scenes
from vsebench.data.scenes.statements import Statements, draw_statements

if TYPE_CHECKING:
    import numpy as np

    from vsebench.data.scenes.options import Options


@dataclass(frozen=True, eq=False)
class Block:
    """`BLOCK` images.

    Attributes:
        scenes: what they show.
        statements: what their captions say.
        captions: five for each image, in its order.
        latents: float32 [BLOCK, regions, LATENT], before the map to features.
        lengths: int64 [BLOCK].
    """

    scenes: Scenes
    statements: Statements
    captions: list[str]
    latents: np.ndarray
    lengths: np.ndarray


def generate(options: Options, split: str, index: int) -> Block:
    """Block `index` of a split."""
    key = options.key(split, index)
    scenes = draw_scenes((key / "scenes").generator(), BLOCK)
    scenes = replace(scenes, group=scenes.group + index * BLOCK)
    statements = draw_statements((key / "statements").generator(), scenes)
    captions = phrase((key / "words").generator(), statements)
    latents, lengths = render((key / "regions").generator(), scenes, options)
    return Block(scenes, statements, captions, latents, lengths)
