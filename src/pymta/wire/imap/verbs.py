"""
The verbs of the core, by family, and those of extensions that need no module of their own.

The verbs of searching, of ACL, QUOTA and METADATA stand beside their parsers, in
:mod:`pymta.wire.imap.command`; a capability brings them as it brings these.
"""

from __future__ import annotations

from typing import Final

from pymta.wire.imap.capability import Verb
from pymta.wire.imap.command import (
    append,
    auth,
    copy,
    fetch,
    mailbox,
    notify,
    select,
    session,
    status,
    store,
)
from pymta.wire.imap.command import list as listing
from pymta.wire.imap.state import ANYWHERE, BEFORE_LOGIN, WITH_MAILBOX

__all__ = [
    "APPEND",
    "CANCELUPDATE",
    "COMPRESS",
    "CORE",
    "ENABLE",
    "ID",
    "IDLE",
    "MOVE",
    "NAMESPACE",
    "NOTIFY",
    "REPLACE",
    "STARTTLS",
    "UID_EXPUNGE",
    "UNAUTHENTICATE",
    "UNSELECT",
]

# RFC 2177, 2342, 2971, 3691, 4978, 5161, 5267, 5465, 6851, 8437
IDLE: Final = Verb(name="IDLE", parse=session.parse_idle)
NAMESPACE: Final = Verb(name="NAMESPACE", parse=mailbox.parse_namespace)
ID: Final = Verb(name="ID", parse=session.parse_id, states=ANYWHERE)
UNSELECT: Final = Verb(name="UNSELECT", parse=select.parse_unselect, states=WITH_MAILBOX)
# RFC 4978 section 5: command-auth, so that no stranger makes us inflate.
COMPRESS: Final = Verb(name="COMPRESS", parse=session.parse_compress)
ENABLE: Final = Verb(name="ENABLE", parse=session.parse_enable)
CANCELUPDATE: Final = Verb(
    name="CANCELUPDATE", parse=notify.parse_cancelupdate, states=WITH_MAILBOX
)
NOTIFY: Final = Verb(name="NOTIFY", parse=notify.parse_notify)
MOVE: Final = Verb(name="MOVE", parse=copy.parse_move, states=WITH_MAILBOX, by_uid=True)
UNAUTHENTICATE: Final = Verb(name="UNAUTHENTICATE", parse=auth.parse_unauthenticate)
STARTTLS: Final = Verb(name="STARTTLS", parse=auth.parse_starttls, states=BEFORE_LOGIN)
# RFC 4315: EXPUNGE alone is of the core, and a server without UIDPLUS has no UID EXPUNGE.
UID_EXPUNGE: Final = Verb(
    name="EXPUNGE", parse=select.parse_expunge, states=WITH_MAILBOX, plain=False, by_uid=True
)

# Their messages are a stream: read by pymta.wire.imap.append, from the verb on.
APPEND: Final = Verb(name="APPEND", parse=append.parse_streamed)
REPLACE: Final = Verb(name="REPLACE", parse=append.parse_streamed, states=WITH_MAILBOX, by_uid=True)

#: RFC 3501 section 6, but for the commands of searching.
CORE: Final = (
    Verb(name="CAPABILITY", parse=session.parse_capability, states=ANYWHERE),
    Verb(name="NOOP", parse=session.parse_noop, states=ANYWHERE),
    Verb(name="LOGOUT", parse=auth.parse_logout, states=ANYWHERE),
    Verb(name="LOGIN", parse=auth.parse_login, states=BEFORE_LOGIN),
    Verb(name="AUTHENTICATE", parse=auth.parse_authenticate, states=BEFORE_LOGIN),
    Verb(name="SELECT", parse=select.parse_select),
    Verb(name="EXAMINE", parse=select.parse_examine),
    Verb(name="CREATE", parse=mailbox.parse_create),
    Verb(name="DELETE", parse=mailbox.parse_delete),
    Verb(name="RENAME", parse=mailbox.parse_rename),
    Verb(name="SUBSCRIBE", parse=mailbox.parse_subscribe),
    Verb(name="UNSUBSCRIBE", parse=mailbox.parse_unsubscribe),
    Verb(name="LIST", parse=listing.parse_list),
    Verb(name="LSUB", parse=listing.parse_lsub),
    Verb(name="STATUS", parse=status.parse_status),
    APPEND,
    Verb(name="CHECK", parse=select.parse_check, states=WITH_MAILBOX),
    Verb(name="CLOSE", parse=select.parse_close, states=WITH_MAILBOX),
    Verb(name="EXPUNGE", parse=select.parse_expunge, states=WITH_MAILBOX),
    Verb(name="FETCH", parse=fetch.parse_fetch, states=WITH_MAILBOX, by_uid=True),
    Verb(name="STORE", parse=store.parse_store, states=WITH_MAILBOX, by_uid=True),
    Verb(name="COPY", parse=copy.parse_copy, states=WITH_MAILBOX, by_uid=True),
)
