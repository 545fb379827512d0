"""Arrays as short text in a page, which `unpack.js` reads."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

import numpy as np

LEVEL = 6  # of gzip: 9 takes thrice as long for 1 % less


def pack(array: np.ndarray) -> str:
    """Pack unsigned integers, in C order, as text: of differences of consecutive values.

    They wrap around, and back in the page. Neighbouring points and triangles differ by little.
    """
    flat = np.ascontiguousarray(array).ravel()
    return pack_plain(np.diff(flat, prepend=flat.dtype.type(0)))


def pack_plain(array: np.ndarray) -> str:
    """Pack the values themselves: one plane for each of their bytes, gzip, base64."""
    flat = np.ascontiguousarray(array).ravel()
    little = flat.astype(flat.dtype.newbyteorder("<"), copy=False)
    planes = little.view(np.uint8).reshape(-1, flat.itemsize).T
    return base64.b64encode(gzip.compress(planes.tobytes(), LEVEL, mtime=0)).decode()


def pack_bits(flags: np.ndarray) -> str:
    """Pack booleans, in C order, eight to a byte, the first one highest."""
    return pack(np.packbits(flags.ravel()))


def script_data(name: str, data: Any) -> str:
    """A script element of JSON, which no text in it can end."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    return f'<script type="application/json" id="{name}">{text}</script>\n'
