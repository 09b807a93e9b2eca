"""Hot loops, usable by plugins: sorted pooling and matrix products."""
