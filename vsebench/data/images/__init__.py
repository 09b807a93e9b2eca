"""Raw images: folders and tar files of them, decoding, and the pass that proves them sound. Public:
a data set of your own may use it.
"""

from __future__ import annotations

from vsebench.data.images.store import ImageFolder, ImageTar, open_images

__all__ = ("ImageFolder", "ImageTar", "open_images")
