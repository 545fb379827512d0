"""The terminal, which Snakemake and its jobs share.

Where Python does not buffer, as in many containers, a message and the end of its line are written
apart, and the line of another process may come between.
"""

from __future__ import annotations

import sys
from io import TextIOWrapper


def write_whole_lines() -> None:
    """Have each line that this process prints reach the terminal in one piece."""
    _buffer(line_buffering=True)


def write_whole_messages() -> None:
    """The same for each message of Snakemake, of several lines or one: it flushes after each."""
    _buffer(line_buffering=False)


def _buffer(line_buffering: bool) -> None:
    if isinstance(sys.stderr, TextIOWrapper):
        sys.stderr.reconfigure(line_buffering=line_buffering, write_through=False)
