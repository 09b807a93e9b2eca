"""Is anything lost, done twice or silently wrong? Tiny runs under whatever may befall them.

    python -m benchmarks.soak --minutes 10 --out results/reliability

A grid of tiny runs is made once in peace. Then `vsebench run` makes the same grid again and again
while processes of its own are killed, stopped and interrupted, its disk is full, and bits of its
files are flipped. After each lap the damage ends, one more command finishes the grid, and all that
it left is compared with what was made in peace.

What befalls it is drawn from a seed; what it meets depends on the machine.
"""
