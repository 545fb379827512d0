"""Share a volume's slabs of z among threads."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

SLAB = 64  # z levels per task; of 16, 32 and 64 the fastest in a trial at 384^3


def for_each_slab(work: Callable[[int, int], None], num_levels: int, threads: int) -> None:
    """Call `work(z_start, z_stop)` once for each slab of z; slabs do not depend on each other.

    Results are the same for any number of threads because each slab is one thread's alone.
    """
    bounds = [(z, min(z + SLAB, num_levels)) for z in range(0, num_levels, SLAB)]
    with ThreadPoolExecutor(max_workers=max(1, threads)) as pool:
        list(pool.map(lambda slab: work(*slab), bounds))
