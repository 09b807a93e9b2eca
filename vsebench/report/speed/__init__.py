"""How soon rows arrive at a quality: `convergence` reads curves, `speedup` compares rows."""
