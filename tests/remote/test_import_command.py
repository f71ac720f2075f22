"""Which errors of an import name an option that a download does not have."""

import pytest

from neuralviews.errors import OptionError, SourceError
from neuralviews.remote.import_command import options_of_import


@pytest.mark.parametrize("kind", [OptionError, SourceError])
@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("omega: give --omega", True),
        ("numbered otherwise, or of another omega (--omega)", True),
        ("name one of them with --from", False),
        ("/data/my--set/file.pth: damaged; replace the file", False),
        ("/data/--set.zip: damaged; replace the file", False),
    ],
)
def test_options_are_told_from_names_of_files(kind: type[Exception], text: str, told: bool) -> None:
    with pytest.raises(kind) as error, options_of_import("neuralviews import x"):
        raise kind(text)
    assert str(error.value) == text + ("; it is an option of neuralviews import x" if told else "")
