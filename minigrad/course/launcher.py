"""Start a command that the rest of the system is closed to, as far as the kernel allows; on POSIX.

A program of its own, which imports only the standard library: `python -I -S launcher.py`. It reads its configuration
from standard input, which stays open: when the other end is closed, everything that was started dies.

On Linux the command gets namespaces of its own for processes, files, network and IPC, where the kernel allows them (to
root, or to users through a user namespace). It then sees no other process and no network, and of the disk only its own
folder is writable: a file system in memory with a limit. The first process in the namespace is this program; when it
ends, the kernel kills all others. Where there are no namespaces, this program is the sub-reaper of what it starts, and
kills it; and Landlock, where the kernel has it, keeps the command from writing elsewhere and from other processes. Root
runs the command as a user without rights, whose number nobody else has.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import json
import os
import select
import signal
import stat
import struct
import sys
import time
from collections.abc import Iterable, Iterator
from typing import Any

NEWNS, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET = 0x20000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 1, 2, 4, 32, 4096, 16384, 1 << 18
PR_SET_PDEATHSIG, PR_SET_KEEPCAPS, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT = 1, 8, 36, 38, 47
CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 1, 2
MOUNT_SETATTR, CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 442, 444, 445, 446  # on all architectures
NO_RANDOM_ADDRESSES = 0x0040000
NOBODY = 65534
LINUX = sys.platform == "linux"

libc = ctypes.CDLL(None, use_errno=True)


def main() -> int:
    """Read the configuration, separate, run the command; return its exit status, 128 + n if signal n ended it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # ^C ends the grader, which closes the pipe
    (length,) = struct.unpack("<I", _read(4))
    config: dict[str, Any] = json.loads(_read(length))
    separated = bool(LINUX and config["separate"] and _separate())
    if separated:
        init = os.fork()
        if init:
            _forget_output()
            return _status(os.waitpid(init, 0)[1])
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    user = _user(config)
    if separated:
        _mounts(config, user)
    elif LINUX:
        libc.prctl(PR_SET_CHILD_SUBREAPER, 1)
    if not separated and user is not None:
        os.chown(config["folder"], *user)
    ready, told = os.pipe()  # closed by exec, or holds why there was none
    command = os.fork()
    if not command:
        try:
            _start(config, user, separated)
        except BaseException as error:
            os.write(2, f"{type(error).__name__}: {error}\n".encode())
        os._exit(127)
    os.close(told)
    os.close(ready)
    _forget_output()
    status = _wait(command)
    if not separated:
        _kill_descendants(command, user)
    return status


def _read(count: int) -> bytes:
    data = b""
    while len(data) < count:
        data += os.read(0, count - len(data)) or sys.exit(1)
    return data


def _forget_output() -> None:
    """Close this process's ends of the pipes, so that the reader sees the end when the command's are closed."""
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 1)
    os.dup2(null, 2)


def _status(status: int) -> int:
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def _separate() -> bool:
    """Enter new namespaces. The next child is the first process of its own."""
    flags = NEWNS | NEWUTS | NEWIPC | NEWPID | NEWNET
    user, group = os.geteuid(), os.getegid()
    if user == 0:
        return libc.unshare(flags) == 0
    if libc.unshare(flags | NEWUSER) != 0:
        return False
    with contextlib.suppress(OSError):
        for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
            with open(f"/proc/self/{name}", "w") as file:
                file.write(text)
    return True


def _user(config: dict[str, Any]) -> tuple[int, int] | None:
    """Return the user and group to run as, None for this one."""
    if config["user"] is not None:
        return tuple(config["user"])
    if os.geteuid() != 0 or not config["drop"]:
        return None
    number = 1_500_000_000 + config["number"]
    probe = os.fork()  # some containers have fewer numbers
    if not probe:
        with contextlib.suppress(OSError):
            os.setuid(number)
            os._exit(0)
        os._exit(1)
    number = NOBODY if _status(os.waitpid(probe, 0)[1]) else number
    return number, number


def _mounts(config: dict[str, Any], user: tuple[int, int] | None) -> None:
    """Make everything read-only but the command's folder, and hide what is none of its business.

    What cannot be done is left out: the caller sees it in what `python -m minigrad course` says of this system.
    """
    folder, size = config["folder"], config["disk"]
    _mount("none", "/", "", MS_REC | MS_PRIVATE)
    _read_only("/")
    if user is not None:
        for closed, needed in _closed_folders([*config["needed"], folder]):
            _open_folder(closed, needed)
    _mount("tmpfs", "/dev/pts", "tmpfs", MS_NOSUID | MS_NODEV, "size=4k")  # terminals of the same user
    for hidden in config["hidden"]:
        if os.path.isdir(hidden):
            _mount("tmpfs", hidden, "tmpfs", MS_NOSUID | MS_NODEV | MS_RDONLY, "size=4k")
        elif os.path.exists(hidden):
            _mount("/dev/null", hidden, "", MS_BIND)
    owner = f",uid={user[0]},gid={user[1]}" if user else ""
    options = f"size={size},nr_inodes=20000,mode=700{owner}"
    _mount("tmpfs", folder, "tmpfs", MS_NOSUID | MS_NODEV, options)
    shared = os.path.join(folder, "shm")
    with contextlib.suppress(OSError):
        os.mkdir(shared)
        os.chmod(shared, 0o777)
        _mount(shared, "/dev/shm", "", MS_BIND)
    _mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV)


def _mount(source: str, target: str, kind: str, flags: int, options: str = "") -> bool:
    code = os.fsencode
    return libc.mount(code(source), code(target), code(kind), ctypes.c_ulong(flags), code(options)) == 0


def _read_only(path: str) -> bool:
    attributes = struct.pack("<QQQQ", MS_RDONLY, 0, 0, 0)  # set, clear, propagation, user namespace
    return libc.syscall(MOUNT_SETATTR, -100, os.fsencode(path), 0x8000, attributes, len(attributes)) == 0


def _closed_folders(needed: Iterable[str]) -> Iterator[tuple[str, list[str]]]:
    """Yield the folders that other users cannot enter, with what lies in them and is needed."""
    found: dict[str, list[str]] = {}
    for path in sorted({os.path.realpath(path) for path in needed}):
        for end in range(1, len(path) + 1):
            if (end == len(path) or path[end] == "/") and os.path.isdir(path[:end]):
                mode = os.stat(path[:end]).st_mode
                if not mode & stat.S_IXOTH and path[:end] != path:
                    inside = found.setdefault(path[:end], [])
                    if not any(path.startswith(f"{other}/") for other in inside):
                        inside.append(path)
                    break
    yield from found.items()


def _open_folder(closed: str, needed: list[str]) -> None:
    """Replace a folder by an empty one that everybody may enter, with only what is needed in it."""
    kept = [os.open(path, os.O_PATH) for path in needed]
    if not _mount("tmpfs", closed, "tmpfs", MS_NOSUID | MS_NODEV, "size=1m,mode=755"):
        return
    for path, descriptor in zip(needed, kept):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            os.makedirs(path, 0o755, exist_ok=True)
        else:
            os.makedirs(os.path.dirname(path), 0o755, exist_ok=True)
            open(path, "w").close()
        _mount(f"/proc/self/fd/{descriptor}", path, "", MS_BIND | MS_REC)
        os.close(descriptor)
    _mount("none", closed, "", MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV)


def _start(config: dict[str, Any], user: tuple[int, int] | None, separated: bool) -> None:
    """Limit this process, give up its rights and become the command."""
    import resource

    os.setsid()
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
        file.write("1000")  # if memory runs out, this process ends and not another
    limits = config["limits"]
    if LINUX and user is None and os.geteuid() != 0:
        limits["NPROC"] += _tasks_of(os.geteuid())  # others count too, except in a user namespace
    for name, value in limits.items():
        with contextlib.suppress(ValueError, OSError, AttributeError):
            number = getattr(resource, f"RLIMIT_{name}")
            hard = resource.getrlimit(number)[1]
            value = value if hard == resource.RLIM_INFINITY else min(value, hard)
            resource.setrlimit(number, (value, value))
    if user is not None:
        reading = not separated and LINUX and any(_closed_folders(config["needed"]))
        if reading:
            libc.prctl(PR_SET_KEEPCAPS, 1)
        with contextlib.suppress(PermissionError):
            os.setgroups([])
        os.setgid(user[1])
        os.setuid(user[0])
        if reading:
            _keep_only(CAP_DAC_READ_SEARCH) or _keep_only(CAP_DAC_OVERRIDE)
    if LINUX:
        libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        if not separated:
            _landlock(config["folder"], config["hidden"])
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        libc.personality(NO_RANDOM_ADDRESSES)  # the same addresses in every run
    for number in (signal.SIGINT, signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    os.umask(0o077)
    os.chdir(config["folder"])
    os.execve(config["command"][0], config["command"], config["environment"])


def _keep_only(capability: int) -> bool:
    """Keep one right of root's, also in the command: Python may lie where only root can read it."""
    bits = 1 << capability
    header, rights = struct.pack("<Ii", 0x20080522, 0), struct.pack("<6I", bits, bits, bits, 0, 0, 0)
    return libc.capset(header, rights) == 0 and libc.prctl(PR_CAP_AMBIENT, 2, capability, 0, 0) == 0


def _landlock(folder: str, hidden: list[str]) -> None:
    """Forbid this process to write outside a folder, to read what is hidden, and to trace other processes.

    Also, where the kernel can, to send them signals and to use TCP. A rule grants a right on all that lies in a folder;
    so what may be read is everything beside the way to what is hidden.
    Source: https://docs.kernel.org/userspace-api/landlock.html
    """
    version = libc.syscall(CREATE_RULESET, None, ctypes.c_size_t(0), 1)
    if version < 1:
        return
    read, write_file = 1 << 2, 1 << 1
    write = write_file | sum(1 << bit for bit in range(4, 13))  # remove and make all kinds of entries
    write |= (version >= 2) << 13 | (version >= 3) << 14  # move between folders; truncate
    network, scope = (3 if version >= 4 else 0), (3 if version >= 6 else 0)
    rules = struct.pack("<QQQ", read | write, network, scope)[: 24 if version >= 6 else 16 if version >= 4 else 8]
    ruleset = libc.syscall(CREATE_RULESET, rules, ctypes.c_size_t(len(rules)), 0)
    granted = [(folder, read | write), (os.devnull, read | write_file)]
    for path, rights in (*granted, *((path, read) for path in _beside(hidden))):
        with contextlib.suppress(OSError):
            place = os.open(path, os.O_PATH | os.O_NOFOLLOW)
            libc.syscall(ADD_RULE, ruleset, 1, struct.pack("<Qi", rights, place), 0)
            os.close(place)
    libc.syscall(RESTRICT_SELF, ruleset, 0)
    os.close(ruleset)


def _beside(hidden: list[str]) -> Iterator[str]:
    """Yield the files and folders that together are everything but what is hidden."""
    pending = ["/"] if hidden else []
    if not hidden:
        yield "/"
    while pending:
        above = pending.pop()
        with contextlib.suppress(OSError):
            for name in os.listdir(above):
                path = os.path.join(above, name)
                if any(other.startswith(f"{path}/") for other in hidden):
                    pending.append(path)
                elif path not in hidden:
                    yield path


def _tasks_of(user: int) -> int:
    """Return the number of threads of a user that this process can see."""
    count = 0
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            if os.stat(f"/proc/{name}").st_uid == user:
                count += len(os.listdir(f"/proc/{name}/task"))
    return count


def _wait(command: int) -> int:
    """Wait for the command, or for the other end of standard input to be closed. Reap orphans meanwhile."""
    poll = select.poll()
    poll.register(0, 0)  # only that it is closed
    try:
        descriptor = os.pidfd_open(command)
        poll.register(descriptor, select.POLLIN)
        interval = 1000
    except (AttributeError, OSError):
        descriptor, interval = -1, 20
    while True:
        closed = any(number == 0 for number, _ in poll.poll(interval))
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == command:
                    return _status(status)
                if pid == 0:
                    break
        if closed:
            return 128 + signal.SIGKILL


def _kill_descendants(command: int, user: tuple[int, int] | None) -> None:
    """Kill what the command has left behind, where no namespace does it."""
    end = time.monotonic() + 5
    while time.monotonic() < end:
        with contextlib.suppress(OSError):
            os.killpg(command, signal.SIGKILL)
        found = list(_descendants(os.getpid())) if LINUX else []
        for number in (signal.SIGSTOP, signal.SIGKILL):  # first stopped, so that they start no others
            for pid in found:
                with contextlib.suppress(OSError):
                    os.kill(pid, number)
        if user is not None and user[0] >= 1_500_000_000:
            killer = os.fork()
            if not killer:
                with contextlib.suppress(OSError):
                    os.setuid(user[0])
                    os.kill(-1, signal.SIGKILL)
                os._exit(0)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        time.sleep(0.005)


def _descendants(ancestor: int) -> Iterator[int]:
    children: dict[int, list[int]] = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError, ValueError, IndexError), open(f"/proc/{name}/stat", "rb") as file:
            parent = int(file.read().rpartition(b")")[2].split()[1])
            children.setdefault(parent, []).append(int(name))
    pending = [ancestor]
    while pending:
        for child in children.get(pending.pop(), []):
            yield child
            pending.append(child)


if __name__ == "__main__":
    try:
        code = main()
    except OSError as error:
        os.write(2, f"{errno.errorcode.get(error.errno or 0)}: {error}\n".encode())
        code = 127
    os._exit(code)
