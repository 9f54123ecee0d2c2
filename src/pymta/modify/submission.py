"""
What a submitted message lacks is added: Date and Message-ID (:rfc:`6409#section-8`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from zope.interface import implementer

from pymta.content import header_of
from pymta.interfaces.content import Cut, Joined, NewMail, Octets
from pymta.interfaces.delivery import IModifier
from pymta.message.trace import date_field, message_id, message_id_field
from pymta.session import Role

__all__ = ["SubmissionFields"]


@implementer(IModifier)
class SubmissionFields:
    """
    For mail that came by submission.

    :param domain: behind the ``@`` of the ids.
    :param random: as many random octets as it is asked for.
    """

    def __init__(
        self, domain: str, *, now: Callable[[], datetime], random: Callable[[int], bytes]
    ) -> None:
        self._domain = domain
        self._now = now
        self._random = random

    async def modify(self, mail: NewMail) -> Sequence[NewMail]:
        if mail.origin.session.role is not Role.SUBMISSION:
            return [mail]
        header = await header_of(mail.content)
        fields = b""
        if b"Date" not in header:
            fields += date_field(self._now())
        if b"Message-ID" not in header:
            token = self._random(12)
            fields += message_id_field(message_id(self._domain, now=self._now(), token=token))
        if not fields:
            return [mail]
        at = header.fields_stop
        content = mail.content
        added = Joined(Cut(content, 0, at), Octets(fields), Cut(content, at, content.size))
        return [replace(mail, content=added)]
