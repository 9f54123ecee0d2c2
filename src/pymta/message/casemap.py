"""
The collation ``i;unicode-casemap`` (:rfc:`5051`), by which IMAP compares and sorts texts.

A text is mapped once, and then compared as octets: equality, order and "contains" are those of
its UTF-8 form.
"""

from __future__ import annotations

import unicodedata

__all__ = ["Casemap"]


class Casemap(dict[int, str]):
    """
    A table for ``str.translate``: each character in title case, then fully decomposed.

    Of :rfc:`5051#section-2`; it fills as characters come up, of which a text has few.
    """

    def __missing__(self, code: int) -> str:
        character = chr(code)
        title = character.title()
        # Step (2)(a) knows simple mappings only: a "ß" stays one.
        made = unicodedata.normalize("NFKD", title if len(title) == 1 else character)
        self[code] = made
        return made

    def map(self, text: str) -> str:
        """The text as it is compared."""
        return text.upper() if text.isascii() else text.translate(self)

    def key(self, text: str) -> bytes:
        """The text as it is sorted: order of octets is order of texts."""
        # Surrogates cannot come of decoding, and must not raise here.
        return self.map(text).encode("utf-8", "replace")
