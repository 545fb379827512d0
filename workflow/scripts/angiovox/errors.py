"""What ends a job other than a fault of ours."""


class InputError(ValueError):
    """What is wrong with the user's input, in one sentence that says what would be valid."""


class CorruptFileError(InputError):
    """A file of ours that was cut short or altered after it was written."""


class TrainingInterrupted(Exception):
    """Work that ended early because it was asked to; a rerun goes on from where it stopped."""
