"""
What the SMTP server machine answers by itself (:rfc:`5321#section-4.2.3`, with the enhanced
status codes of :rfc:`3463` and :rfc:`5248`).
"""

from __future__ import annotations

from typing import Final

from pymta.reply import Reply

OK: Final = Reply(250, "2.0.0", "OK")
SENDER_OK: Final = Reply(250, "2.1.0", "Sender OK")
RECIPIENT_OK: Final = Reply(250, "2.1.5", "Recipient OK")
GO_AHEAD: Final = Reply(354, "", "Go ahead, end with <CRLF>.<CRLF>")
READY_FOR_TLS: Final = Reply(220, "2.0.0", "Ready to start TLS")
LOGGED_IN: Final = Reply(235, "2.7.0", "Authentication succeeded")
CANNOT_VERIFY: Final = Reply(252, "2.5.0", "Cannot verify, but will take mail and try to deliver")
HELP: Final = Reply(214, "2.0.0", "See RFC 5321")
BYE: Final = Reply(221, "2.0.0", "Bye")

SHUTTING_DOWN: Final = Reply(421, "4.3.2", "Shutting down, come back later")
TOO_MANY_ERRORS: Final = Reply(421, "4.7.0", "Too many errors")
TOO_MANY_COMMANDS: Final = Reply(421, "4.7.0", "Too many commands without a message")
TOO_MANY_TRIES: Final = Reply(421, "4.7.0", "Too many failed logins")
WRONG_PROTOCOL: Final = Reply(421, "4.7.0", "This is a mail server")
TOO_MANY_MAILS: Final = Reply(421, "4.7.0", "Too many messages in one connection")
# RFC 5321 section 4.5.3.1.10.
TOO_MANY_RECIPIENTS: Final = Reply(452, "4.5.3", "Too many recipients")
TOO_MANY_DOMAINS: Final = Reply(452, "4.5.3", "Too many recipient domains")

LINE_TOO_LONG: Final = Reply(500, "5.5.2", "Line too long")
BARE_LF: Final = Reply(500, "5.5.2", "Lines end with CRLF")
UNKNOWN: Final = Reply(500, "5.5.2", "Command not recognized")
EMPTY: Final = Reply(500, "5.5.2", "Command expected")
# RFC 2033 section 4.1.
SAY_LHLO: Final = Reply(500, "5.5.1", "This is LMTP: say LHLO")
NO_LMTP: Final = Reply(500, "5.5.1", "This is not LMTP")
AUTH_LINE_TOO_LONG: Final = Reply(500, "5.5.6", "Authentication exchange line is too long")
BAD_BASE64: Final = Reply(501, "5.5.2", "Cannot decode BASE64")
CANCELLED: Final = Reply(501, "5.7.0", "Authentication cancelled")
NO_ARGUMENT: Final = Reply(501, "5.5.4", "No argument expected")
ARGUMENT: Final = Reply(501, "5.5.4", "Argument expected")
BAD_BDAT: Final = Reply(501, "5.5.4", "BDAT size [LAST] expected, closing")
NOT_IMPLEMENTED: Final = Reply(502, "5.5.1", "Command not implemented")
BAD_SEQUENCE: Final = Reply(503, "5.5.1", "Bad sequence of commands")
SAY_HELLO: Final = Reply(503, "5.5.1", "Say EHLO first")
NO_TRANSACTION: Final = Reply(503, "5.5.1", "MAIL first")
# RFC 5321 section 3.3 allows 503 or 554 here, RFC 2033 section 4.2 demands 503.
NO_RECIPIENTS: Final = Reply(503, "5.5.1", "No valid recipients")
SAY_RSET: Final = Reply(503, "5.5.1", "The transaction failed: say RSET")
BINARY_BY_DATA: Final = Reply(503, "5.5.1", "BINARYMIME comes by BDAT")
ALREADY_TLS: Final = Reply(503, "5.5.1", "TLS is on already")
ALREADY_LOGGED_IN: Final = Reply(503, "5.5.1", "Logged in already")
# RFC 4954 section 4: also where only TLS is missing; 538 is history (section 6).
TLS_FOR_MECHANISM: Final = Reply(504, "5.5.4", "Mechanism not offered without TLS")
NO_MECHANISM: Final = Reply(504, "5.5.4", "Mechanism not offered")
TLS_FIRST: Final = Reply(530, "5.7.0", "Must issue a STARTTLS command first")
LOGIN_FIRST: Final = Reply(530, "5.7.0", "Authentication required")
TOO_BIG: Final = Reply(552, "5.3.4", "Message too big")
# RFC 6531 section 3.5.
NOT_ASCII: Final = Reply(553, "5.6.7", "Non-ASCII addresses need SMTPUTF8")
EARLY: Final = Reply(554, "5.5.1", "Wait for the answer before you go on")
INJECTION: Final = Reply(554, "5.5.1", "Nothing may follow STARTTLS")
# No registered code speaks of bare CR or LF (5.6.11 is one vendor's own): RFC 3463 section 3.7,
# "something about the content".
BARE_NEWLINE: Final = Reply(554, "5.6.0", "Bare CR or LF in the message")
TEXT_LINE_TOO_LONG: Final = Reply(554, "5.6.0", "Line of the message too long")
UNKNOWN_PARAMETER: Final = Reply(555, "5.5.4", "Parameter not recognized or not implemented")
