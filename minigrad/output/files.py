"""Write files so that a reader finds the old content or the new one, never a part. Imports nothing of minigrad.

The content goes to a temporary file in the same folder, which is renamed when it is complete and on the disk: the
rename is the one step that changes the file. A temporary file is locked by the process that writes it. If that process
is killed, the kernel releases the lock, and the next write in the folder removes the file. A lock says this also where
several hosts or containers share a folder, in which a process number would mean nothing.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import platform
import stat
from collections.abc import Callable
from typing import Any, BinaryIO

try:
    import fcntl
except ImportError:  # Windows: without locks, the temporary files of killed processes stay
    fcntl = None  # type: ignore[assignment]

_PREFIX = f".minigrad-{platform.node()[:64]}-"
_SUFFIX = ".part"
_OPEN = os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
_LINKS = 40  # as many as Linux follows


def write_file(path: str | os.PathLike[str], write: Callable[[BinaryIO], Any]) -> None:
    """Write a file: all of it, or nothing if anything raises on the way, even KeyboardInterrupt.

    A file that exists keeps its mode and owner; a new one gets those of any new file. The target of a symbolic link is
    written, the link stays. What is not a regular file, as a device or a pipe, is written to and never replaced. Of
    several processes or threads that write the same file, the last one wins.

    Args:
        path: the file.
        write: called with the temporary file, open for writing bytes.

    Raises:
        OSError: if the file cannot be written; it names `path`.
        What `write` raises.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_file(os.path.join(folder, "file"), lambda file: file.write(b"text"))
    ...     os.listdir(folder)
    ['file']
    """
    path = os.fsdecode(path)
    try:
        target = _replaceable(path)
        if target is None:
            content = io.BytesIO()  # a zip archive needs a file in which it can seek
            write(content)
            with open(path, "wb") as file:
                file.write(content.getbuffer())
        else:
            _replace(target, write)
    except OSError as error:
        if error.errno is None or error.filename not in (None, path) and not _is_temporary(error.filename):
            raise
        beside = error.errno in (errno.EACCES, errno.EROFS) and _is_temporary(error.filename)
        hint = " (a temporary file is written beside it, so its folder must be writable)" if beside else ""
        raise OSError(error.errno, f"{error.strerror}{hint}", path) from None


def _replaceable(path: str) -> str | None:
    """Follow symbolic links, and return the file that can be replaced. None if it must be written to as it is."""
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISREG(os.stat(path).st_mode):
            return None
    for _ in range(_LINKS):
        if not os.path.islink(path):
            break
        folder = os.path.realpath(os.path.dirname(path))
        if folder.startswith("/proc/"):  # as /dev/stdout: the file is open, and a rename would not reach it
            return None
        path = os.path.join(folder, os.readlink(path))
    return path


def _replace(path: str, write: Callable[[BinaryIO], Any]) -> None:
    folder = os.path.dirname(path) or os.curdir
    try:
        old = os.stat(path)
    except FileNotFoundError:
        old = None
    if old is not None and not os.access(path, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
    _remove_orphans(folder)
    file = _create(folder, 0o666 if old is None else stat.S_IMODE(old.st_mode) & 0o777)
    try:
        with file:
            write(file)
            file.flush()
            if old is not None:
                _keep_mode(file.fileno(), old)
            os.fsync(file.fileno())  # otherwise a crash of the machine can leave the new name without the new content
            os.replace(file.name, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(file.name)
        raise
    if os.name == "posix":
        with contextlib.suppress(OSError):  # some file systems cannot
            descriptor = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(descriptor)  # the new name
            finally:
                os.close(descriptor)


def _create(folder: str, mode: int) -> BinaryIO:
    """Create a temporary file and lock it, so that nobody takes it for an orphan."""

    def opener(name: str, _: int) -> int:
        return os.open(name, _OPEN | os.O_CREAT | os.O_EXCL, mode)

    while True:
        name = os.path.join(folder, f"{_PREFIX}{os.urandom(8).hex()}{_SUFFIX}")
        file = open(name, "w+b", opener=opener)  # noqa: SIM115
        try:
            if _lock(file.fileno()) is not False and os.path.exists(name):
                return file
        except BaseException:
            file.close()
            os.unlink(name)
            raise
        file.close()  # another process found it before it was locked, and removes it


def _lock(descriptor: int) -> bool | None:
    """Lock a file until it is closed. Return False if another process has locked it, None if it cannot be locked."""
    if fcntl is None:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return None
    return True


def _keep_mode(descriptor: int, old: os.stat_result) -> None:
    if not hasattr(os, "fchown"):  # Windows
        return
    if (old.st_uid, old.st_gid) != (os.geteuid(), os.getegid()):
        with contextlib.suppress(PermissionError):
            os.fchown(descriptor, old.st_uid, old.st_gid)
    os.fchmod(descriptor, stat.S_IMODE(old.st_mode))


def _remove_orphans(folder: str) -> None:
    """Remove the temporary files of killed processes: those that nobody has locked."""
    if fcntl is None:
        return
    with contextlib.suppress(OSError):
        for name in os.listdir(folder):
            if not _is_temporary(name):
                continue
            with (
                contextlib.suppress(OSError),
                open(os.path.join(folder, name), "rb", opener=lambda n, _: os.open(n, _OPEN | os.O_NONBLOCK)) as file,
            ):
                if stat.S_ISREG(os.fstat(file.fileno()).st_mode) and _lock(file.fileno()):
                    os.unlink(file.name)


def _is_temporary(path: Any) -> bool:
    return isinstance(path, str) and (n := os.path.basename(path)).startswith(_PREFIX) and n.endswith(_SUFFIX)
