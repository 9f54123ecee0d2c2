"""
SCRAM (:rfc:`5802`, :rfc:`7677`): both sides prove that they know the password, neither sends it.

One round: who and a nonce; salt and iterations; the client's proof; the server's.  The server
keeps what checks a proof and cannot make one.  With a channel binding (-PLUS) nobody can stand
between the two.
"""
