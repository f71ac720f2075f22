"""Every error that neuralviews raises on purpose.

::

    NeuralViewsError
    ├── RecipeError        a recipe file: missing, malformed, an unknown key, an impossible value
    ├── PlanError          a plan of augmentations, as a RecipeError is for a recipe
    ├── SourceError        source files: missing, corrupted, empty, wrong channels, labels missing
    │   └── NoSourceRoot   the source needs a folder, and none was named
    ├── OptionError        an argument of a call that cannot be
    ├── SpecError          a FieldSpec, or arrays that do not fit it
    ├── EngineError        an engine or its workers cannot do what is asked, or its device is absent
    ├── TrainingError      a reader's loss became infinite or no number
    ├── Quarantined        parts that keep killing their workers were left out; the others are done
    ├── OutputError        the output folder: unwritable, disk too small, belongs to another job
    ├── FetchError         a download failed or served something else: names the link
    └── StoreError         a store that cannot be used
        ├── NotAStore      the folder holds no store
        ├── FormatError    a file is not what docs/format.md says, or was written by a newer version
        ├── IncompleteStore  not finished: there is a job, and no manifest yet
        ├── IntegrityError bytes, sizes or hashes differ from what was published
        └── UnsafeShard    a shard holds something that no writer of ours makes; it was not read

A message is one line and says where, what was found, what was expected, and what to do. Of a very long one,
which repeats something very long, the middle is left out.
The command line prints it and exits with status 2, of a Quarantined with status 3.
"""

__all__ = [
    "EngineError",
    "FetchError",
    "FormatError",
    "IncompleteStore",
    "IntegrityError",
    "NeuralViewsError",
    "NoSourceRoot",
    "NotAStore",
    "OptionError",
    "OutputError",
    "PlanError",
    "Quarantined",
    "RecipeError",
    "SourceError",
    "SpecError",
    "StoreError",
    "TrainingError",
    "UnsafeShard",
]


_LONGEST = 2000
_START = 1400


def printable(text: str) -> str:
    """One line that any terminal can print: what it cannot is escaped as in a Python string."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def _cut(text: str) -> str:
    """A text without its middle if it has more than `_LONGEST` characters: what to do stands at its end."""
    if len(text) <= _LONGEST:
        return text
    mark = f" [... {len(text):,} characters, cut here ...] "
    return text[:_START] + mark + text[_START + len(mark) - _LONGEST :]


class NeuralViewsError(Exception):
    """Base of all deliberate errors; anything else that escapes is a defect of neuralviews.

    The message stays one line of at most 2,000 characters that any terminal can print, whatever names of
    files and keys it repeats: what cannot be printed is escaped as in a Python string.
    """

    def __init__(self, message: str) -> None:
        super().__init__(_cut(printable(_cut(message))))  # escaping 12 MB would take a second


class RecipeError(NeuralViewsError):
    """A recipe cannot be used; the message names the file, the key and what was expected."""


class PlanError(NeuralViewsError):
    """A plan cannot be used; the message names the file, the operation, the key and what was expected."""


class SourceError(NeuralViewsError):
    """Source files cannot be used; the message says what to put where."""


class NoSourceRoot(SourceError):
    """A source needs the folder that holds its files, and none was named: nothing was looked at."""


class OptionError(NeuralViewsError, ValueError):
    """An argument of a call cannot be; the message names it and what was expected."""


class SpecError(NeuralViewsError, ValueError):
    """A field specification is impossible, or arrays do not fit it."""


class EngineError(NeuralViewsError):
    """An engine cannot do what is asked; the message names the engine that can."""


class TrainingError(NeuralViewsError):
    """Training a reader went wrong; the message names the reader, the step and the learning rate."""


class Quarantined(NeuralViewsError):
    """Some parts of a run keep killing their workers; the message names them, and all others are done."""


class OutputError(NeuralViewsError):
    """The output cannot be written; nothing half-written is left under a final name."""


class FetchError(NeuralViewsError):
    """A download failed, or served something else; the message names every link that was tried."""


class StoreError(NeuralViewsError):
    """A store cannot be used."""


class NotAStore(StoreError):
    """The folder is not a neuralviews store."""


class FormatError(StoreError):
    """A file of a store departs from the format, or a newer neuralviews wrote it."""


class IncompleteStore(StoreError):
    """The store has a job but no manifest: whatever fills it has not finished."""


class IntegrityError(StoreError):
    """Bytes on disk are not those that were published."""


class UnsafeShard(StoreError):
    """A shard was refused before anything was read through HDF5."""
