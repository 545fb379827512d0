"""What makes the numba projectors fast: vectors in registers, transposed tiles, slabs, a cache."""
