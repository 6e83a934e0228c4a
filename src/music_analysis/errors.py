"""The one exception that is written for a person.

A :class:`UserError` is a mistake its reader can mend: one line that says what to do. Commands
print it without a traceback and exit with code 1. Anything else that escapes is a bug of ours and
shows its traceback.
"""


class UserError(Exception):
    """One line, for a person, that says what is wrong and what to do about it."""
