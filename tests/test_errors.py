"""Messages: one line that can be printed, whatever they repeat."""

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuralviews import errors
from neuralviews.field import FieldSpec

CLASSES = [getattr(errors, name) for name in errors.__all__]
ANY_TEXT = st.text(st.characters())  # lone surrogates too: file names that are not UTF-8 hold them


@given(message=ANY_TEXT, kind=st.sampled_from(CLASSES))
def test_a_message_is_one_line_that_can_be_printed(message: str, kind: type[errors.NeuralViewsError]) -> None:
    shown = str(kind(message))
    assert shown.isprintable()
    shown.encode()  # lone surrogates would fail
    assert message.isprintable() == (shown == message)
    again = pickle.loads(pickle.dumps(kind(message)))  # as from a worker process
    assert (type(again), str(again)) == (kind, shown)


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("a\nb: unknown key", r"a\nb: unknown key"),
        ("\udcff.png: cannot be decoded", r"\udcff.png: cannot be decoded"),
        ("ä/日本.png: \x1b[2J", r"ä/日本.png: \x1b[2J"),
    ],
)
def test_what_cannot_be_printed_is_escaped(message: str, shown: str) -> None:
    assert str(errors.SourceError(message)) == shown


@pytest.mark.parametrize("letter", ["x", "\u202e", "\n"])
@pytest.mark.parametrize("count", [1, 900, 2_000_000])
def test_a_long_message_keeps_its_start_and_its_end(letter: str, count: int) -> None:
    message = f"manifest.json: found activation '{letter * count}', expected 'sine'; restore the file"
    error = errors.FormatError(message)
    assert len(str(error)) <= 2000
    assert str(error).startswith("manifest.json: found activation '")
    assert str(error).endswith("', expected 'sine'; restore the file")
    assert ("cut here" in str(error)) == (len(errors.printable(message)) > 2000)
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_what_a_message_repeats_does_not_make_it_endless() -> None:
    with pytest.raises(errors.SpecError, match=r"^dims: found 0 in \[1, 1, .*cut here.* to 65536$") as found:
        FieldSpec([1] * 100_000 + [0])
    assert len(str(found.value)) == 2000
