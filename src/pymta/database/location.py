"""
The folder of a store: made private, and refused where SQLite would lose data.

Folders are 0700 and files 0600 whatever the umask says: mail is nobody else's business.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress

from pymta.errors import Mistake

__all__ = ["give_to_the_server", "make_folder", "make_private_file", "refuse_network"]

# WAL needs memory shared by all who open the file, and locks that hold; these give neither.
_NETWORK = frozenset(
    [
        "nfs",
        "nfs4",
        "cifs",
        "smb3",
        "smbfs",
        "ncpfs",
        "afs",
        "coda",
        "ceph",
        "glusterfs",
        "lustre",
        "ocfs2",
        "gfs2",
        "fuse.sshfs",
        "fuse.glusterfs",
        "fuse.ceph",
        "fuse.s3fs",
        "fuse.rclone",
        "fuse.gcsfuse",
    ]
)


def make_folder(path: str) -> None:
    """
    Make it and the levels above it, their names durable; one that is there keeps its mode.

    :raises Mistake: if there is something else, a symbolic link among it.
    """
    missing = []
    above = os.path.abspath(path)
    while not os.path.lexists(above):
        missing.append(above)
        above = os.path.dirname(above)
    os.makedirs(path, mode=0o700, exist_ok=True)
    if not stat.S_ISDIR(os.lstat(path).st_mode):
        raise Mistake(f"{path} is not a folder")
    # A power cut must not take away the folder of mail whose files were synced with such care.
    for made in missing:
        _sync(os.path.dirname(made))


def _sync(folder: str) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def make_private_file(path: str) -> bool:
    """
    Make an empty file that nobody else can read.  :returns: False if a file is there already.

    :raises Mistake: if there is something else.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        fd = os.open(path, flags, 0o600)
        give_to_the_server(fd, os.path.dirname(path))
        os.close(fd)
    except FileExistsError:
        if not stat.S_ISREG(os.lstat(path).st_mode):
            raise Mistake(f"{path} is not a file") from None
        return False
    return True


def give_to_the_server(fd: int, folder: str) -> None:
    """
    A command of root's would leave what the server, as its own user, cannot read.

    SQLite gives the files beside a database away in the same way; it may fail in a user namespace.
    """
    if os.geteuid() == 0:
        owner = os.stat(folder or ".")
        if owner.st_uid != 0:
            with suppress(OSError):
                os.fchown(fd, owner.st_uid, owner.st_gid)


def refuse_network(path: str, mounts: str = "/proc/self/mountinfo") -> None:
    """
    :param mounts: where the kernel tells what is mounted; elsewhere than on Linux nobody is asked.
    :raises Mistake: if the folder is on a network file system.
    """
    kind = _file_system(os.path.realpath(path), mounts)
    if kind in _NETWORK:
        raise Mistake(
            f"{path} is on a network file system ({kind}), where SQLite would lose mail",
            hint="use a folder on a local disk",
        )


def _file_system(path: str, mounts: str) -> str:
    try:
        with open(mounts, encoding="utf-8", errors="surrogateescape") as lines:
            table = [line.split() for line in lines]
    except OSError:
        return ""
    found, kind = "", ""
    for fields in table:
        point = fields[4].replace("\\040", " ")
        if len(point) >= len(found) and os.path.commonpath([point, path]) == point:
            found, kind = point, fields[fields.index("-") + 1]
    return kind
