"""
SASL (:rfc:`4422`), both sides, without I/O: PLAIN, LOGIN, SCRAM, CRAM-MD5, EXTERNAL, OAuth.

A server's driver calls :func:`announce` for what to offer in a connection and :func:`start`
for the mechanism that the client chose; the exchange then asks for what it needs (is this the
password? what is kept of it?) and is answered, until Success or Failure.  A client calls
:func:`choose`.  Messages are raw octets: BASE64, and "=" and "*", are the protocol's affair.
Randomness and keys are arguments; nothing here knows an account, a socket or the time.
"""

from pymta.sasl.channel import TLS_EXPORTER, TLS_SERVER_END_POINT, TLS_UNIQUE, Channel
from pymta.sasl.choice import CLIENT_MECHANISMS, ClientMechanism, choose
from pymta.sasl.client import ClientExchange, ClientSide, Credentials
from pymta.sasl.exchange import (
    MAX_MESSAGE,
    Dialogue,
    Exchange,
    Fail,
    LastChallenge,
    ServerExchange,
)
from pymta.sasl.mechanism import (
    CERTIFICATE_CHECK,
    CHANNEL_BINDING,
    CLEARTEXT_SECRET,
    CLIENT_CERTIFICATE,
    PASSWORD_CHECK,
    SCRAM_SHA_1_SECRET,
    SCRAM_SHA_256_SECRET,
    TOKEN_CHECK,
    Mechanism,
    Need,
    ServerSide,
)
from pymta.sasl.mechanisms import MECHANISMS, announce, start
from pymta.sasl.oauth import TokenHint
from pymta.sasl.prepare import PreparationError, prepare_query, prepare_stored
from pymta.sasl.scram.secret import DEFAULT_ITERATIONS, MIN_ITERATIONS, Decoy, derive
from pymta.sasl.steps import (
    Answer,
    Authorize,
    Challenge,
    CheckExternal,
    CheckPassword,
    CheckToken,
    Failure,
    FetchPassword,
    FetchSCRAM,
    Question,
    SCRAMSecret,
    Step,
    Success,
)

__all__ = [
    "CERTIFICATE_CHECK",
    "CHANNEL_BINDING",
    "CLEARTEXT_SECRET",
    "CLIENT_CERTIFICATE",
    "CLIENT_MECHANISMS",
    "DEFAULT_ITERATIONS",
    "MAX_MESSAGE",
    "MECHANISMS",
    "MIN_ITERATIONS",
    "PASSWORD_CHECK",
    "SCRAM_SHA_1_SECRET",
    "SCRAM_SHA_256_SECRET",
    "TLS_EXPORTER",
    "TLS_SERVER_END_POINT",
    "TLS_UNIQUE",
    "TOKEN_CHECK",
    "Answer",
    "Authorize",
    "Challenge",
    "Channel",
    "CheckExternal",
    "CheckPassword",
    "CheckToken",
    "ClientExchange",
    "ClientMechanism",
    "ClientSide",
    "Credentials",
    "Decoy",
    "Dialogue",
    "Exchange",
    "Fail",
    "Failure",
    "FetchPassword",
    "FetchSCRAM",
    "LastChallenge",
    "Mechanism",
    "Need",
    "PreparationError",
    "Question",
    "SCRAMSecret",
    "ServerExchange",
    "ServerSide",
    "Step",
    "Success",
    "TokenHint",
    "announce",
    "choose",
    "derive",
    "prepare_query",
    "prepare_stored",
    "start",
]
