"""What compressed pixels say of their size, before anything decodes them."""

from __future__ import annotations

import struct

J2K_START, JPEG_START = b"\xff\x4f\xff\x51", b"\xff\xd8"
JP2_BOX, CODESTREAM_BOX = b"jP  ", b"jp2c"
JPEG_FRAMES = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}  # markers before an image's size


def coded_size(code: bytes) -> tuple[int, int] | None:
    """Rows and columns that a frame of JPEG 2000, JPEG or JPEG-LS says it has; None where it does
    not say."""
    begin = _codestream_of_jp2(code) if code[4:8] == JP2_BOX else 0
    if code.startswith(J2K_START, begin) and begin + 24 <= len(code):
        right, bottom, left, top = struct.unpack_from(">4I", code, begin + 8)
        return bottom - top, right - left
    place = 2 if code.startswith(JPEG_START) else len(code)
    while place + 9 <= len(code) and code[place] == 0xFF:
        marker, length = struct.unpack_from(">BH", code, place + 1)
        if marker in JPEG_FRAMES:
            rows, columns = struct.unpack_from(">HH", code, place + 5)
            return (rows, columns) if rows else None
        place += 1 if marker == 0xFF else 2 + length
    return None


def _codestream_of_jp2(code: bytes) -> int:
    """Where the code begins within the boxes of a JP2 file, as decoders look for it."""
    place = 0
    while place + 16 <= len(code):
        length, kind = struct.unpack_from(">I4s", code, place)
        head = 16 if length == 1 else 8
        if kind == CODESTREAM_BOX:
            return place + head
        length = struct.unpack_from(">Q", code, place + 8)[0] if length == 1 else length
        if length < head:  # the last box, or none
            break
        place += length
    return len(code)
