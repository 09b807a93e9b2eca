"""Whether the tests of this process are of Triton's kernels, in its interpreter: `test_triton.py`
starts such processes, since triton asks once, when it is imported.
"""

from __future__ import annotations

import os

INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"
