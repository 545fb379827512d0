"""Reading ahead: the next data come in while the present ones are being worked on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item, Data = TypeVar("Item"), TypeVar("Data")


def prefetch(read: Callable[[Item], Data], items: Iterable[Item]) -> Iterator[Data]:
    """`map(read, items)`, with a thread that reads the next while the caller has one.

    Nothing is read before the first is asked for. An error in reading is raised where its data
    would have come.
    """
    pool = ThreadPoolExecutor(1, thread_name_prefix="prefetch")
    try:
        coming = None
        for item in items:
            present, coming = coming, pool.submit(read, item)
            if present is not None:
                yield present.result()
                del present  # lest three were held at a time
        if coming is not None:
            yield coming.result()
    finally:
        pool.shutdown(cancel_futures=True)
