"""Messages: one line that can be printed, whatever they repeat."""

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuralviews import errors

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
