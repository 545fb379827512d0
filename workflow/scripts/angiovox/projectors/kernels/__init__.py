"""What makes the numba projectors fast: vectors in registers, transposed tiles, slabs, a cache."""

import os

# numba's own threads, which no kernel uses: it cannot be imported where somebody set their number
# to 0, or to more than its limit.
os.environ["NUMBA_NUM_THREADS"] = "1"
