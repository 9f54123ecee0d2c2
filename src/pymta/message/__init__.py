"""
Messages as octets: header fields, addresses, dates and the MIME structure
(:rfc:`5322`, :rfc:`2045` to :rfc:`2049`, :rfc:`2231`, :rfc:`6532`).

Nothing here writes a message anew: what is read stays where it is, and is named by offsets;
what changes is a splice (:mod:`pymta.message.splice`).  Whatever came from the network parses
without an exception, in linear time and bounded memory, and fed in any slices.
"""
