"""`scenes`, a procedural image–caption set: deterministic from its seed, generated in seconds, nothing to download.

A scene holds three to five objects with a class, a colour, a material, a size and a place, in a setting (`sampling`). A third of the scenes have
near-duplicates that differ in one attribute, in which object has which colour, or in which object is where. Five captions mention different objects
and attributes and how the objects lie to each other (`statements`), in varied wording (`phrasing`); who lies where, and which object has which
attribute, is said by word order alone. A region is a noisy view of an object, overlapped by another, or clutter (`render`); a fixed random layer maps
it to the features (`camera`). The number of regions and the length of a caption are drawn independently of what there is to see.

Images are generated in blocks, each a function of seed, split and block number (`blocks`), and streamed to disk (`write`).
"""

from __future__ import annotations

from vsebench.data.scenes.dataset import Scenes

__all__ = ("Scenes",)
