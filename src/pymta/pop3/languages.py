"""
The sentences of the server, in English and in the languages that LANG offers
(:rfc:`6856#section-3`).

A language brings two tables: one for what is said here, one for what the machine says of its
own accord (:class:`~pymta.wire.pop3.texts.Text`).  What is missing in either stays English.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import Final

from pymta.wire.pop3.texts import ENGLISH as ENGLISH_TEXTS
from pymta.wire.pop3.texts import Text

__all__ = ["ENGLISH", "GERMAN", "Language", "Phrase", "matching"]


class Phrase(Enum):
    """A sentence, by what it says; its value is the English one."""

    READY = "{hostname} ready"
    USER = "send your password"
    COUNT = "{messages} messages, {octets} octets"
    OCTETS = "{octets} octets"
    LISTING = "{messages} messages, {octets} octets in all"
    TOP = "top of message follows"
    MARKED = "message {number} marked as deleted"
    NO_MESSAGE = "no such message"
    GONE = "the message was removed by another session"
    NEEDS_UTF8 = "the message needs UTF-8 mode"
    UTF8 = "UTF-8 mode"
    TLS = "begin TLS negotiation"
    GOODBYE = "goodbye"
    NOT_REMOVED = "some deleted messages not removed"
    WRONG = "wrong name or password"
    LOGIN_LATER = "login is not possible now, try again later"
    IN_USE = "the maildrop is open in another session"
    TOO_SOON = "at most one login in {seconds} seconds"
    NO_MAILDROP = "there is no maildrop any more"
    BUSY = "too busy, try again later"
    FAULT = "local error, try again later ({id})"
    STOPPING = "the server is shutting down"
    LANGUAGES = "language listing follows"
    LANGUAGE = "language changed"
    NO_LANGUAGE = "no such language"


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """
    One language.

    :param tag: as :rfc:`5646` has it.
    :param description: its name, in itself.
    :raises ValueError: a sentence has variables that the English one has not.
    """

    tag: str
    description: str
    phrases: Mapping[Phrase, str] = field(default_factory=dict)
    texts: Mapping[Text, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        known = {"hostname": "", "messages": 0, "octets": 0, "number": 0, "seconds": 0, "id": ""}
        for phrase, sentence in self.phrases.items():
            try:
                sentence.format(**{k: v for k, v in known.items() if f"{{{k}}}" in phrase.value})
            except (KeyError, IndexError) as error:
                raise ValueError(f"{self.tag}: {phrase.name}: no variable {error}") from None

    def say(self, phrase: Phrase, **values: object) -> str:
        """The sentence, with its variables filled in."""
        return self.phrases.get(phrase, phrase.value).format(**values)


def matching(languages: Iterable[Language], wanted: str) -> Language | None:
    """
    The first that a basic language range matches (:rfc:`4647#section-3.3.1`).

    ``*`` is the first of all, which is the administrator's choice (:rfc:`6856#section-3.2`).
    """
    wanted = wanted.lower()
    for language in languages:
        if wanted == "*" or f"{language.tag.lower()}-".startswith(f"{wanted}-"):
            return language
    return None


ENGLISH: Final = Language(tag="en", description="English", texts=ENGLISH_TEXTS)
GERMAN: Final = Language(
    tag="de",
    description="Deutsch",
    phrases=MappingProxyType(
        {
            Phrase.READY: "{hostname} ist bereit",
            Phrase.USER: "das Passwort, bitte",
            Phrase.COUNT: "{messages} Nachrichten, {octets} Oktette",
            Phrase.OCTETS: "{octets} Oktette",
            Phrase.LISTING: "{messages} Nachrichten, zusammen {octets} Oktette",
            Phrase.TOP: "der Anfang der Nachricht folgt",
            Phrase.MARKED: "Nachricht {number} zum Löschen vorgemerkt",
            Phrase.NO_MESSAGE: "diese Nachricht gibt es nicht",
            Phrase.GONE: "die Nachricht wurde in einer anderen Sitzung gelöscht",
            Phrase.NEEDS_UTF8: "die Nachricht verlangt den UTF-8-Modus",
            Phrase.UTF8: "UTF-8-Modus",
            Phrase.TLS: "TLS kann beginnen",
            Phrase.GOODBYE: "auf Wiedersehen",
            Phrase.NOT_REMOVED: "nicht alle vorgemerkten Nachrichten wurden gelöscht",
            Phrase.WRONG: "Name oder Passwort falsch",
            Phrase.LOGIN_LATER: "Anmeldung zurzeit nicht möglich, bitte später noch einmal",
            Phrase.IN_USE: "das Postfach ist in einer anderen Sitzung geöffnet",
            Phrase.TOO_SOON: "höchstens eine Anmeldung in {seconds} Sekunden",
            Phrase.NO_MAILDROP: "das Postfach gibt es nicht mehr",
            Phrase.BUSY: "überlastet, bitte später noch einmal",
            Phrase.FAULT: "interner Fehler, bitte später noch einmal ({id})",
            Phrase.STOPPING: "der Server wird beendet",
            Phrase.LANGUAGES: "die Sprachen:",
            Phrase.LANGUAGE: "ab jetzt auf Deutsch",
            Phrase.NO_LANGUAGE: "diese Sprache gibt es nicht",
        }
    ),
    texts=MappingProxyType(
        {
            Text.UNKNOWN: "unbekannter Befehl",
            Text.ARGUMENTS: "falsche Argumente",
            Text.STATE: "nicht in diesem Zustand",
            Text.USER_FIRST: "erst USER",
            Text.NOT_OFFERED: "hier und jetzt nicht möglich",
            Text.MECHANISM: "dieses Verfahren gibt es nicht",
            Text.NOT_BASE64: "kein Base64",
            Text.CANCELLED: "Anmeldung abgebrochen",
            Text.TOO_LONG: "Zeile zu lang",
            Text.AFTER_UTF8: "STLS kommt vor UTF8",
            Text.PIPELINED_TLS: "auf STLS darf nichts folgen",
            Text.TOO_MANY_ERRORS: "zu viele Fehler",
            Text.TOO_MANY_COMMANDS: "zu viele Befehle ohne Anmeldung",
            Text.CAPABILITIES: "die Fähigkeiten:",
            Text.MECHANISMS: "die Verfahren:",
            Text.GOODBYE: "auf Wiedersehen",
        }
    ),
)
