"""Raw images: where they lie (`store`: folders and tar files), and how they become pixels and are
proved sound (`decode`). Public: a data set of your own may use it.
"""

from __future__ import annotations

from vsebench.data.images.store import ImageFolder, ImageTar, open_images

__all__ = ("ImageFolder", "ImageTar", "open_images")
