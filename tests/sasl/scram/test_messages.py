"""
Tests for the grammar of SCRAM messages.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress

import pytest

from pymta.sasl import Fail
from pymta.sasl.scram.messages import (
    ClientFinal,
    ClientFirst,
    ServerFirst,
    parse_client_final,
    parse_client_first,
    parse_server_final,
    parse_server_first,
)

FIRST = [
    pytest.param(b"n,,n=user,r=abc", ("n", "", "", "user", "abc"), id="plain"),
    pytest.param(b"y,,n=user,r=abc", ("y", "", "", "user", "abc"), id="y"),
    pytest.param(
        b"p=tls-exporter,,n=user,r=abc", ("p", "tls-exporter", "", "user", "abc"), id="exporter"
    ),
    pytest.param(
        b"p=tls-unique,,n=user,r=abc", ("p", "tls-unique", "", "user", "abc"), id="unique"
    ),
    pytest.param(
        b"p=tls-server-end-point,,n=user,r=abc",
        ("p", "tls-server-end-point", "", "user", "abc"),
        id="end point",
    ),
    pytest.param(b"n,a=boss,n=user,r=abc", ("n", "", "boss", "user", "abc"), id="authzid"),
    pytest.param(b"n,a=a=2Cb=3Dc,n=x=3D=2Cy,r=abc", ("n", "", "a,b=c", "x=,y", "abc"), id="quoted"),
    pytest.param(b"n,,n==3D2C,r=abc", ("n", "", "", "=2C", "abc"), id="quoted once, not twice"),
    pytest.param(
        "n,,n=j\u00fcrgen,r=!~=".encode(), ("n", "", "", "j\u00fcrgen", "!~="), id="UTF-8"
    ),
    pytest.param(
        b"n,,n=user,r=" + b"a" * 1024, ("n", "", "", "user", "a" * 1024), id="a long nonce"
    ),
    pytest.param(b"n,,n=user,r=abc,x=1,Y=2,x=3", ("n", "", "", "user", "abc"), id="extensions"),
]

BROKEN_FIRST = [
    pytest.param(b"", id="empty"),
    pytest.param(b"n", id="flag only"),
    pytest.param(b"n,", id="half a header"),
    pytest.param(b"n,,", id="header only"),
    pytest.param(b"n,n=user,r=abc", id="one comma missing"),
    pytest.param(b",,n=user,r=abc", id="no flag"),
    pytest.param(b"x,,n=user,r=abc", id="unknown flag"),
    pytest.param(b"N,,n=user,r=abc", id="flag in capitals"),
    pytest.param(b"F,n,,n=user,r=abc", id="not standard, for GSS-API"),
    pytest.param(b"p,,n=user,r=abc", id="p without a type"),
    pytest.param(b"p=,,n=user,r=abc", id="p with an empty type"),
    pytest.param(b"p=tls_exporter,,n=user,r=abc", id="no type's name"),
    pytest.param(b"p=tls-exporter\n,,n=user,r=abc", id="LF behind the type"),
    pytest.param(b"n,boss,n=user,r=abc", id="authzid without a="),
    pytest.param(b"n,a=,n=user,r=abc", id="empty authzid"),
    pytest.param(b"n,a=x=2,n=user,r=abc", id="authzid with a bare ="),
    pytest.param(b"n,,n=user", id="no nonce"),
    pytest.param(b"n,,n=user,", id="cut behind the comma"),
    pytest.param(b"n,,n=user,r", id="cut in the attribute"),
    pytest.param(b"n,,n=user,r=", id="empty nonce"),
    pytest.param(b"n,,n=user,r=a b", id="space in the nonce"),
    pytest.param(b"n,,n=user,r=abc\n", id="LF in the nonce"),
    pytest.param("n,,n=user,r=\u00e9".encode(), id="nonce not ASCII"),
    pytest.param(b"n,,r=abc,n=user", id="reordered"),
    pytest.param(b"n,,n=,r=abc", id="empty name"),
    pytest.param(b"n,,n=a=b,r=abc", id="bare ="),
    pytest.param(b"n,,n=a=2c,r=abc", id="lower case quoting"),
    pytest.param(b"n,,n=a=,r=abc", id="= at the end"),
    pytest.param(b"n,,n=a\0,r=abc", id="NUL"),
    pytest.param(b"n,,n=\xff,r=abc", id="no UTF-8"),
    pytest.param(b"n,,m=x,n=user,r=abc", id="mandatory extension"),
    pytest.param(b"n,,n=user,r=abc,m=x", id="mandatory extension at the end"),
    pytest.param(b"n,,x=1,n=user,r=abc", id="extension in front"),
    pytest.param(b"n,,n=user,x=1,r=abc", id="extension between"),
    pytest.param(b"n,,n=user,r=abc,x", id="extension without a value"),
    pytest.param(b"n,,n=user,r=abc,x=", id="extension with an empty value"),
    pytest.param(b"n,,n=user,r=abc,xx=1", id="extension of two letters"),
    pytest.param(b"n,,n=user,r=abc,1=1", id="extension that is a digit"),
    pytest.param(b"n,,n=user,r=abc,", id="comma at the end"),
    pytest.param(b"n,,n=user,r=abc,r=abd", id="nonce twice"),
    pytest.param(b"n,,n=user,r=abc,n=root", id="name twice"),
    pytest.param(b"n,,n=user,r=abc,p=x", id="a proof, here"),
    pytest.param(b"n,,n=user,r=" + b"a" * 1025, id="a nonce too long"),
    pytest.param(b"n,,n=user,r=a,x=" + b"a" * 12_300, id="too long"),
]

SERVER_FIRST = [
    pytest.param(b"r=abcd,s=c2FsdA==,i=4096", ("abcd", b"salt", 4096), id="plain"),
    pytest.param(b"r=abcd,s=c2FsdA==,i=4096,x=y", ("abcd", b"salt", 4096), id="extension"),
    pytest.param(b"r=a=b,s=c2E=,i=9999999999", ("a=b", b"sa", 9999999999), id="ten digits"),
]

BROKEN_SERVER_FIRST = [
    pytest.param(b"", id="empty"),
    pytest.param(b"r=abcd,s=c2FsdA==", id="cut"),
    pytest.param(b"s=c2FsdA==,r=abcd,i=4096", id="reordered"),
    pytest.param(b"m=x,r=abcd,s=c2FsdA==,i=4096", id="mandatory extension"),
    pytest.param(b"r=abcd,s=c2FsdA=,i=4096", id="padding"),
    pytest.param(b"r=abcd,s=c2Fs!A==,i=4096", id="no BASE64"),
    pytest.param(b"r=abcd,s=c2Fs dA==,i=4096", id="space in BASE64"),
    pytest.param(b"r=abcd,s==,i=4096", id="empty salt"),
    pytest.param("r=abcd,s=\u00e9,i=4096".encode(), id="salt not ASCII"),
    pytest.param(b"r=abcd,s=c2FsdA==,i=0", id="zero"),
    pytest.param(b"r=abcd,s=c2FsdA==,i=04096", id="leading zero"),
    pytest.param(b"r=abcd,s=c2FsdA==,i=-1", id="negative"),
    pytest.param(b"r=abcd,s=c2FsdA==,i=+4096", id="plus"),
    pytest.param(b"r=abcd,s=c2FsdA==,i=4_096", id="underscore"),
    pytest.param("r=abcd,s=c2FsdA==,i=\u0664".encode(), id="arabic digit"),
    pytest.param(b"r=abcd,s=c2FsdA==,i=" + b"9" * 11, id="eleven digits"),
    pytest.param(b"r=abcd,s=c2FsdA==,i=" + b"9" * 9000, id="thousands of digits"),
    pytest.param(b"r=abcd,s=" + b"A" * 12_400 + b",i=4096", id="too long"),
    pytest.param(b"e=other-error", id="an error, here"),
]

CLIENT_FINAL = [
    pytest.param(b"c=biws,r=abcd,p=cHJvb2Y=", (b"c=biws,r=abcd", b"proof"), id="plain"),
    pytest.param(b"c=biws,r=abcd,x=y,p=cHJvb2Y=", (b"c=biws,r=abcd,x=y", b"proof"), id="extension"),
]

BROKEN_CLIENT_FINAL = [
    pytest.param(b"", id="empty"),
    pytest.param(b"c=biws,r=abcd", id="no proof"),
    pytest.param(b"c=biws,r=abcd,", id="cut"),
    pytest.param(b"c=biws,r=abcd,p=", id="empty proof"),
    pytest.param(b"c=biws,r=abcd,p=cHJvb2Y", id="padding"),
    pytest.param(b"c=biws,r=abcd,p=cHJvb2Y=,x=y", id="extension behind the proof"),
    pytest.param(b"c=biws,p=cHJvb2Y=,r=abcd", id="reordered"),
    pytest.param(b"r=abcd,c=biws,p=cHJvb2Y=", id="reordered, too"),
    pytest.param(b"c=biws,r=abcd,m=x,p=cHJvb2Y=", id="mandatory extension"),
    pytest.param(b"c=biws,r=abcd,p=AAAA,p=cHJvb2Y=", id="proof twice"),
    pytest.param(b"p=cHJvb2Y=", id="proof only"),
    pytest.param(b"c=biws,r=abcd,p=\xff", id="no UTF-8"),
]

SERVER_FINAL = [
    pytest.param(b"v=c2ln", (b"sig", ""), id="verifier"),
    pytest.param(b"v=c2ln,x=y", (b"sig", ""), id="extension"),
    pytest.param(b"e=invalid-proof", (b"", "invalid-proof"), id="error"),
    pytest.param(b"e=other-error,x=y", (b"", "other-error"), id="error with an extension"),
]

BROKEN_SERVER_FINAL = [
    pytest.param(b"", id="empty"),
    pytest.param(b"v=", id="empty verifier"),
    pytest.param(b"e=", id="empty error"),
    pytest.param(b"v=!", id="no BASE64"),
    pytest.param(b"x=y,v=c2ln", id="extension in front"),
    pytest.param(b"v=c2ln,e=other-error", id="both"),
    pytest.param(b"e=other-error,v=c2ln", id="both, the other way"),
    pytest.param(b"v=c2ln,m=x", id="mandatory extension"),
]


def _malformed(parse: Callable[[bytes], object], message: bytes) -> None:
    with pytest.raises(Fail) as caught:
        parse(message)
    assert caught.value.failure.malformed


@pytest.mark.parametrize(("message", "fields"), FIRST)
def test_client_first(message: bytes, fields: tuple[str, str, str, str, str]) -> None:
    """
    A client's first message is understood, and its two halves are kept as they came.
    """
    flag, binding, authzid, username, nonce = fields
    bare = message[message.index(b"n=" if b",n=" not in message else b",n=") :].lstrip(b",")
    expected = ClientFirst(
        flag=flag,
        binding=binding,
        header=message[: -len(bare)],
        bare=bare,
        authzid=authzid,
        username=username,
        nonce=nonce,
    )

    assert expected == parse_client_first(message)


@pytest.mark.parametrize("message", BROKEN_FIRST)
def test_broken_client_first(message: bytes) -> None:
    """
    Any other first message is malformed.
    """
    _malformed(parse_client_first, message)


@pytest.mark.parametrize(("message", "fields"), SERVER_FIRST)
def test_server_first(message: bytes, fields: tuple[str, bytes, int]) -> None:
    """
    A server's first message is understood.
    """
    nonce, salt, iterations = fields

    expected = ServerFirst(nonce=nonce, salt=salt, iterations=iterations)
    assert expected == parse_server_first(message)


@pytest.mark.parametrize("message", BROKEN_SERVER_FIRST)
def test_broken_server_first(message: bytes) -> None:
    """
    Any other is malformed.
    """
    _malformed(parse_server_first, message)


@pytest.mark.parametrize(("message", "fields"), CLIENT_FINAL)
def test_client_final(message: bytes, fields: tuple[bytes, bytes]) -> None:
    """
    A client's final message is understood; what is hashed of it is kept as it came.
    """
    without_proof, proof = fields
    expected = ClientFinal(binding="biws", nonce="abcd", proof=proof, without_proof=without_proof)

    assert expected == parse_client_final(message)


@pytest.mark.parametrize("message", BROKEN_CLIENT_FINAL)
def test_broken_client_final(message: bytes) -> None:
    """
    Any other is malformed.
    """
    _malformed(parse_client_final, message)


@pytest.mark.parametrize(("message", "fields"), SERVER_FINAL)
def test_server_final(message: bytes, fields: tuple[bytes, str]) -> None:
    """
    A server's final message is a verifier or an error.
    """
    assert fields == parse_server_final(message)


@pytest.mark.parametrize("message", BROKEN_SERVER_FINAL)
def test_broken_server_final(message: bytes) -> None:
    """
    Any other is malformed.
    """
    _malformed(parse_server_final, message)


@pytest.mark.parametrize(
    ("message", "parse"),
    [
        pytest.param(b"n,a=boss,n=user,r=abc", parse_client_first, id="client first"),
        pytest.param(b"r=abcd,s=c2FsdA==,i=4096", parse_server_first, id="server first"),
        pytest.param(b"c=biws,r=abcd,p=cHJvb2Y=", parse_client_final, id="client final"),
        pytest.param(b"v=c2ln", parse_server_final, id="server final"),
    ],
)
def test_cut_anywhere(message: bytes, parse: Callable[[bytes], object]) -> None:
    """
    A message cut at any octet is a shorter message or none; nothing else is raised.
    """
    for end in range(len(message)):
        with suppress(Fail):
            parse(message[:end])


@pytest.mark.parametrize("octet", [b",", b"=", b"x=y,", b"=2C"])
def test_long_nonsense_is_cheap(octet: bytes) -> None:
    """
    The longest message of nothing but separators is refused in no time.
    """
    nonsense = b"n,,n=" + octet * (12_000 // len(octet))
    started = time.perf_counter()
    _malformed(parse_client_first, nonsense)

    assert time.perf_counter() - started < 0.2
