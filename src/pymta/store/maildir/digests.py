"""
What was computed of messages, as it is kept.
"""

from __future__ import annotations

from typing import Any

from pymta.store._digest import Digest

__all__ = ["DIGEST_COLUMNS", "digest_columns"]

DIGEST_COLUMNS = "envelope, structure, unended, imap_envelope, imap_structure, preview"


def digest_columns(digest: Digest) -> tuple[Any, ...]:
    """The values of :data:`DIGEST_COLUMNS`; a structure that is the envelope is kept once."""
    return (
        digest.envelope,
        None if digest.structure == digest.envelope else digest.structure,
        digest.unended,
        digest.imap_envelope,
        digest.imap_structure,
        digest.preview,
    )
