"""Image and text encoders: raw local features to D-dimensional ones, one module each."""
