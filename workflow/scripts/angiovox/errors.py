"""The one exception for input that cannot be used."""


class InputError(ValueError):
    """What is wrong with the user's input, in one sentence that says what would be valid."""
