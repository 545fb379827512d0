"""What ends a job other than a fault of ours."""

import re

# Control characters, and bytes of a file's name that are no UTF-8, as Python has them in text.
UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\udc80-\udcff]")


def printable(text: str) -> str:
    r"""A text that any log, table and terminal takes: such bytes and characters as \xff."""
    return UNPRINTABLE.sub(lambda found: rf"\x{ord(found[0]) & 0xFF:02x}", text)


class InputError(ValueError):
    """What is wrong with the user's input, in one sentence that says what would be valid."""

    def __str__(self) -> str:
        return printable(super().__str__())


class CorruptFileError(InputError):
    """A file of ours that was cut short or altered after it was written."""


class TrainingInterrupted(Exception):
    """Work that ended early because it was asked to; a rerun goes on from where it stopped."""
