"""How soon rows arrive at a quality: `learning_curve` reads curves, `speedup` compares rows."""
