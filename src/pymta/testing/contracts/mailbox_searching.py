"""
The mailbox kit: what SEARCH finds.
"""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, date, datetime

import pytest

from pymta.interfaces.content import Octets
from pymta.interfaces.mailbox import IMailbox, IMailboxStore, NewMessage
from pymta.mailbox import ANSWERED, INBOX, SEEN, ModSeq, UIDSet, Wanted
from pymta.search import (
    All,
    And,
    Before,
    BodyText,
    DateOf,
    Fuzzy,
    HasEmailID,
    HasFlag,
    HasThreadID,
    HeaderText,
    Larger,
    ModifiedSince,
    Not,
    Older,
    On,
    Or,
    Query,
    Since,
    Smaller,
    UIDIn,
    WholeText,
    Younger,
)
from pymta.testing.contracts.mailbox_case import MailboxCase, case, flag, modseqs

__all__ = ["SearchingContract"]

_PLAIN = (
    b"Date: Mon, 1 Jan 2024 23:30:00 -0800\r\nFrom: Anna <anna@example.org>\r\n"
    b"Subject: Plain words\r\nX-Empty:\r\n\r\nThe quick brown fox.\r\n"
)
_ENCODED = (
    b"Date: Tue, 2 Jan 2024 12:00:00 +0000\r\nFrom: =?utf-8?q?J=C3=BCrgen?= <j@example.org>\r\n"
    b"Subject: =?iso-8859-1?q?Gr=FC=DFe?= =?utf-8?b?IGF1cyBLw7Zsbg==?=\r\n"
    b"Content-Type: text/plain; charset=iso-8859-1\r\n"
    b"Content-Transfer-Encoding: quoted-printable\r\n\r\nViele Gr=FC=DFe, sch=\r\n=F6ner Tag\r\n"
)
_PARTS = (
    b"Date: Wed, 3 Jan 2024 12:00:00 +0000\r\nSubject: parts\r\n folded on\r\n"
    b"Content-Type: multipart/mixed; boundary=b\r\n\r\npreamble\r\n"
    b"--b\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    + b64encode("<p>Ein schöner Morgen</p>".encode())
    + b"\r\n--b\r\nContent-Type: application/octet-stream\r\n\r\nhidden treasure\r\n"
    b"--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\nwithin another\r\n--b--\r\n"
)
_LONG = (
    b"Subject: long\r\n\r\n" + b"0123456789abcdef" * 8190 + b"needle" + b"0123456789abcdef" * 8190
)

# 1 to 4, and a fifth that is no message at all.
MESSAGES = [
    (Octets(_PLAIN), {SEEN, "$Work"}, datetime(2024, 1, 10, 12, tzinfo=UTC)),
    (Octets(_ENCODED), set(), datetime(2024, 1, 11, 12, tzinfo=UTC)),
    (Octets(_PARTS), {ANSWERED}, datetime(2024, 1, 12, 12, tzinfo=UTC)),
    (Octets(_LONG), {SEEN}, datetime(2024, 1, 13, 12, tzinfo=UTC)),
    (Octets(b"\xff\0"), set(), datetime(2024, 1, 14, 12, tzinfo=UTC)),
]

_INTERNAL, _SENT, _SAVED = DateOf.INTERNAL, DateOf.SENT, DateOf.SAVED

QUERIES: list[tuple[str, Query, list[int]]] = [
    ("all", All(), [1, 2, 3, 4, 5]),
    ("uids", UIDIn(UIDSet([2, 4, 9])), [2, 4]),
    ("seen", HasFlag(SEEN), [1, 4]),
    ("flag in another case", HasFlag("\\SEEN"), [1, 4]),
    ("keyword in another case", HasFlag("$WORK"), [1]),
    ("unknown keyword", HasFlag("nobody"), []),
    ("not seen", Not(HasFlag(SEEN)), [2, 3, 5]),
    ("and", And((HasFlag(SEEN), UIDIn(UIDSet([1, 2])))), [1]),
    ("and of nothing", And(()), [1, 2, 3, 4, 5]),
    ("or", Or(HasFlag(ANSWERED), HasFlag("$Work")), [1, 3]),
    ("larger", Larger(len(_PARTS)), [4]),
    ("larger than all but itself", Larger(len(_PARTS) - 1), [3, 4]),
    ("smaller", Smaller(3), [5]),
    ("smaller than itself", Smaller(2), []),
    ("before", Before(_INTERNAL, date(2024, 1, 11)), [1]),
    ("on", On(_INTERNAL, date(2024, 1, 11)), [2]),
    ("since", Since(_INTERNAL, date(2024, 1, 11)), [2, 3, 4, 5]),
    ("sent on, in its own zone", On(_SENT, date(2024, 1, 1)), [1]),
    ("sent since", Since(_SENT, date(2024, 1, 2)), [2, 3]),
    ("sent before", Before(_SENT, date(2024, 1, 3)), [1, 2]),
    ("not sent before", Not(Before(_SENT, date(2024, 1, 3))), [3, 4, 5]),
    ("saved long ago", Before(_SAVED, date(2000, 1, 1)), []),
    ("saved since", Since(_SAVED, date(2000, 1, 1)), [1, 2, 3, 4, 5]),
    ("subject", HeaderText("subject", "plain WORDS"), [1]),
    ("subject encoded", HeaderText("Subject", "grüße aus köln"), [2]),
    ("subject folded", HeaderText("Subject", "parts folded"), [3]),
    ("subject in another composition", HeaderText("Subject", "Ko\u0308ln"), [2]),
    ("from decoded", HeaderText("From", "JÜRGEN"), [2]),
    ("no match in another field", HeaderText("To", "anna"), []),
    ("field is there", HeaderText("Date", ""), [1, 2, 3]),
    ("empty field is there", HeaderText("X-EMPTY", ""), [1]),
    ("inner header is none of the message", HeaderText("Subject", "inner"), []),
    ("body", BodyText("QUICK brown"), [1]),
    ("body over a soft line break", BodyText("schöner tag"), [2]),
    ("body in base64", BodyText("schöner"), [2, 3]),
    ("body of an enclosed message", BodyText("within another"), [3]),
    ("body is not the header", BodyText("plain words"), []),
    ("body is not an attachment", BodyText("treasure"), []),
    ("body over slices", BodyText("needle"), [4]),
    ("body over the edge of a slice", BodyText("def0123456789abcdef0"), [4]),
    ("body that is not there", BodyText("needles"), []),
    ("text in the header", WholeText("anna@example"), [1]),
    ("text in the body", WholeText("fox"), [1]),
    ("text in either", WholeText("grüße"), [2]),
    ("one character", WholeText("ü"), [2]),
    ("text in the header of a part", WholeText("octet-stream"), [3]),
    ("text in an enclosed header", WholeText("subject: inner"), [3]),
    ("an enclosed header is no body", BodyText("inner"), []),
    ("older", Older(3600), [1, 2, 3, 4, 5]),
    ("younger", Younger(3600), []),
    ("younger than a century", Younger(100 * 366 * 86400), [1, 2, 3, 4, 5]),
    ("no email id", HasEmailID("E-nothing"), []),
    ("no thread id", HasThreadID("T-nothing"), []),
    ("words in another order", Fuzzy(BodyText("fox quick")), [1]),
    ("without accents", Fuzzy(HeaderText("Subject", "Koln")), [2]),
    ("with a slip", Fuzzy(WholeText("treasrue Morgne")), []),
    ("with a slip in a body", Fuzzy(BodyText("Morgne")), [3]),
    ("not fuzzy where nothing can be", Fuzzy(And((HasFlag(SEEN), Larger(1000)))), [4]),
    ("fuzzy and not", Fuzzy(Not(BodyText("fox"))), [2, 3, 4, 5]),
    ("subject with a line feed", HeaderText("Subject", "words\n"), []),
    ("two of a name", HeaderText("Subject", "words\nparts"), []),
    ("text and flag", And((BodyText("0123"), HasFlag(SEEN), Not(BodyText("fox")))), [4]),
    ("text or flag", Or(WholeText("fox"), HasFlag(ANSWERED)), [1, 3]),
    ("neither", Not(Or(WholeText("e"), HasFlag(ANSWERED))), [5]),
    ("nothing", Not(All()), []),
]


class SearchingContract(MailboxCase):
    """``search``."""

    async def filled(self, store: IMailboxStore) -> IMailbox:
        """The inbox with :data:`MESSAGES`."""
        inbox = await self.inbox(store)
        await inbox.append(
            [
                NewMessage(content=content, flags=frozenset(flags), internal_date=when)
                for content, flags, when in MESSAGES
            ]
        )
        return inbox

    @case
    async def test_search(self, store: IMailboxStore) -> None:
        """Every key finds what it says, and nothing else."""
        inbox = await self.filled(store)
        expected = {what: uids for what, _, uids in QUERIES}
        found = {what: list((await inbox.search(query)).uids) for what, query, _ in QUERIES}

        assert expected == found

    @case
    async def test_search_tells_the_modseq(self, store: IMailboxStore) -> None:
        """The highest among those found, and none without any."""
        inbox = await self.filled(store)
        await inbox.change_flags(UIDSet([2]), flag("+", SEEN))
        first, second = await modseqs(inbox, [1, 2])

        assert second == (await inbox.search(All())).modseq
        assert first == (await inbox.search(UIDIn(UIDSet([1, 3])))).modseq
        assert (await inbox.search(Not(All()))).modseq is None

    @case
    async def test_search_by_modseq(self, store: IMailboxStore) -> None:
        """Modseq at least that."""
        inbox = await self.filled(store)
        await inbox.change_flags(UIDSet([2]), flag("+", SEEN))
        [modseq] = await modseqs(inbox, [2])

        assert UIDSet([2]) == (await inbox.search(ModifiedSince(ModSeq(modseq)))).uids
        assert 5 == len((await inbox.search(ModifiedSince(ModSeq(1)))).uids)

    @case
    async def test_search_by_email_id(self, store: IMailboxStore) -> None:
        """The message of this id, and its copies."""
        inbox = await self.filled(store)
        [(_, email_id)] = await inbox.records(UIDSet([2]), [Wanted.EMAIL_ID])

        assert UIDSet([2]) == (await inbox.search(HasEmailID(email_id))).uids
        await inbox.copy(UIDSet([2]), INBOX)
        assert UIDSet([2, 6]) == (await inbox.search(HasEmailID(email_id))).uids

    @case
    async def test_scores(self, store: IMailboxStore) -> None:
        """One for each that is found, from 1 to 100, the best for what is there word for word."""
        inbox = await self.filled(store)
        found = await inbox.search(Fuzzy(Or(BodyText("quick brown"), BodyText("Tag schoner"))))

        assert UIDSet([1, 2]) == found.uids
        assert (100, 1) == found.scores
        assert () == (await inbox.search(BodyText("fox"))).scores
        assert (100,) * 2 == (await inbox.search(Fuzzy(HasFlag(SEEN)))).scores

    @case
    async def test_search_read_only_and_in_an_empty_mailbox(self, store: IMailboxStore) -> None:
        """Looking is allowed, and nothing finds nothing."""
        inbox = await store.open((await store.mailboxes())[0].name, read_only=True)

        assert not (await inbox.search(WholeText("x"))).uids

    @pytest.mark.parametrize("what", ["flag", "text"])
    @case
    async def test_search_many(self, store: IMailboxStore, what: str) -> None:
        """Thousands of messages are searched whole."""
        inbox = await self.inbox(store)
        texts = [
            NewMessage(
                content=Octets(b"Subject: %d\r\n\r\nx%dx\r\n" % (n, n)),
                flags=frozenset({SEEN} if n % 100 == 0 else ()),
            )
            for n in range(2000)
        ]
        await inbox.append(texts)
        query = HasFlag(SEEN) if what == "flag" else BodyText("00x")
        found = await inbox.search(query)

        expected = [n + 1 for n in range(2000) if n % 100 == 0 and (what == "flag" or n)]
        assert expected == list(found.uids)
