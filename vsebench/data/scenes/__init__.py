"""`scenes`, a procedural image–caption set: deterministic from its seed, generated in seconds,
nothing to download.

A scene holds three to five objects, in a setting where some families of objects are more at home
than others. An object has a class, a colour, a material, a size and a place, and carries a thing of
another class (`world`). A third of the scenes have near-duplicates, which change one attribute,
or let two objects exchange colours or places, or an object change roles with what it carries. Five
captions mention different objects and attributes and how the objects lie to each other, in varied
wording (`captions`); what carries what, what lies where and which object
has which colour is said by word order alone. A region is a noisy view of an object, overlapped by
another, or clutter (`render`); what is carried adds to its carrier's look, and an object's look
depends on its place. A fixed random layer maps regions to features (`blocks`). The number of
regions and the length of a caption are drawn independently of what there is to see.

Images are generated in blocks, each a function of seed, split and block number (`blocks`), and
streamed to disk (`dataset`).
"""

from __future__ import annotations

from vsebench.data.scenes.dataset import Scenes

__all__ = ("Scenes",)
