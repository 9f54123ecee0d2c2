"""
Tests for the sentences of the server.
"""

from __future__ import annotations

import pytest

from pymta.pop3.languages import ENGLISH, GERMAN, Language, Phrase, matching
from pymta.wire.pop3.texts import Text

VALUES = {
    "hostname": "h", "messages": 1, "octets": 2, "number": 3, "seconds": 4, "id": "i",
}  # fmt: skip


@pytest.mark.parametrize("language", [ENGLISH, GERMAN], ids=lambda language: language.tag)
@pytest.mark.parametrize("phrase", Phrase, ids=lambda phrase: phrase.name)
def test_every_phrase_can_be_said(language: Language, phrase: Phrase) -> None:
    """It is there, fits into a response, and begins like no response code."""
    said = language.say(phrase, **VALUES)

    assert said
    assert "{" not in said
    assert not said.startswith("[")
    assert len(said.encode()) < 200


def test_german_is_complete() -> None:
    """Nothing is left in English."""
    assert set(Phrase) == set(GERMAN.phrases)
    assert set(Text) == set(GERMAN.texts)


@pytest.mark.parametrize(
    ("wanted", "tag"),
    [
        ("de", "de"),
        ("DE", "de"),
        ("en", "en"),
        ("*", "en"),
        ("pt", "pt-BR"),
        ("pt-br", "pt-BR"),
        ("de-AT", None),
        ("p", None),
        ("tlh", None),
    ],
)
def test_matching(wanted: str, tag: str | None) -> None:
    """A basic language range matches the tags that begin with its subtags."""
    found = matching([ENGLISH, GERMAN, Language(tag="pt-BR", description="Português")], wanted)

    assert tag == (found and found.tag)


def test_a_sentence_with_unknown_variables() -> None:
    """It is refused when the language is made, not when the sentence is needed."""
    with pytest.raises(ValueError, match="variable"):
        Language(tag="x", description="x", phrases={Phrase.GOODBYE: "bye {name}"})
