"""What cannot be done, beside `CardError`: the message tells whoever asked what is wrong and what to do about it."""


class UsageError(ValueError):
    """Arguments of a command that cannot be carried out, alone or together."""


class DataError(ValueError):
    """Photographs that cannot be used; the message says which and why."""


class RecipeError(ValueError):
    """A recipe that cannot run; the message lists everything wrong with it."""


class TrainingError(RuntimeError):
    """Training that cannot go on; the message says what happened and what is kept."""


class StudyError(RuntimeError):
    """Pictures that cannot be drawn or measured; one problem a line."""


class ExemplarError(ValueError):
    """An index of photographs that cannot be made or used; the message says what is wrong with it and what to do."""
