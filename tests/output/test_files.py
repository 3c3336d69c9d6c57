"""Files are written as a whole: old or new, whatever happens on the way."""

from __future__ import annotations

import errno
import os
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import pytest

import minigrad
from minigrad import tensor
from minigrad.output import files
from minigrad.output.files import write_file
from minigrad.viz.charts.svg import Svg
from minigrad.viz.page import Page

posix = pytest.mark.skipif(os.name != "posix", reason="modes, links and locks of POSIX")


def writing(content: bytes) -> Callable[[BinaryIO], Any]:
    return lambda file: file.write(content)


def test_threads_that_write_one_file_leave_a_whole_one(tmp_path: Path) -> None:
    path, errors = tmp_path / "file", []
    sizes = [10**5 + i for i in range(4)]

    def work(i: int) -> None:
        try:
            for _ in range(10):
                write_file(path, writing(bytes([i]) * sizes[i]))
                found = path.read_bytes()
                assert set(found) == {found[0]} and len(found) == sizes[found[0]]
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert errors == [] and os.listdir(tmp_path) == ["file"]


SAVING = """
import sys, minigrad
while True:
    minigrad.save({"w": minigrad.full((50000,), float(sys.argv[2]))}, sys.argv[1])
    print(flush=True)
"""


def test_processes_that_are_killed_leave_a_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    for _ in range(3):
        running = [
            subprocess.Popen([sys.executable, "-c", SAVING, str(path), str(i)], stdout=subprocess.PIPE)
            for i in range(2)
        ]
        for process in running:
            assert process.stdout is not None
            process.stdout.readline()
        for process in running:
            process.kill()
        for process in running:
            process.communicate()
        w = minigrad.load(path)["w"]
        assert w.numel() == 50000 and bool((w == w[0]).all())
    minigrad.save({"w": tensor(1.0)}, path)
    assert os.listdir(tmp_path) == ["a.npz"]


HANGING = """
import sys, time
from minigrad.output.files import write_file
def write(file):
    file.write(b"part")
    file.flush()
    print(flush=True)
    time.sleep(600)
write_file(sys.argv[1], write)
"""


@posix
def test_the_temporary_file_of_a_killed_process_is_removed_and_that_of_a_living_one_is_not(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with subprocess.Popen([sys.executable, "-c", HANGING, str(path)], stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            process.stdout.readline()
            write_file(tmp_path / "other", writing(b"new"))
            assert len(os.listdir(tmp_path)) == 3  # it is still being written
        finally:
            process.send_signal(signal.SIGKILL)
    assert path.read_bytes() == b"old" and len(os.listdir(tmp_path)) == 3
    write_file(tmp_path / "other", writing(b"newer"))
    assert sorted(os.listdir(tmp_path)) == ["file", "other"]


@posix
@pytest.mark.parametrize("mode", [0o600, 0o644, 0o664, 0o755])
def test_the_mode_of_the_old_file_stays(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    path.chmod(mode)
    write_file(path, lambda file: file.write(oct(os.fstat(file.fileno()).st_mode & 0o7777 & ~mode).encode()))
    assert stat.S_IMODE(path.stat().st_mode) == mode
    assert path.read_bytes() == b"0o0"  # at no time does the new content have more readers than the old one


@posix
def test_a_new_file_has_the_mode_of_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "usual").write_bytes(b"")
    write_file(tmp_path / "file", writing(b"new"))
    assert (tmp_path / "file").stat().st_mode == (tmp_path / "usual").stat().st_mode


@posix
def test_links_stay_and_their_targets_are_written(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "one").symlink_to("two")
    (tmp_path / "two").symlink_to(tmp_path / "folder" / "file")
    for content in (b"a", b"b"):  # first it does not exist
        write_file(tmp_path / "one", writing(content))
        assert (tmp_path / "one").is_symlink() and (tmp_path / "two").is_symlink()
        assert (tmp_path / "folder" / "file").read_bytes() == content
    assert os.listdir(tmp_path / "folder") == ["file"]
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(OSError, match="loop"):
        write_file(tmp_path / "loop", writing(b"c"))


@posix
def test_devices_and_pipes_are_written_to_and_stay(tmp_path: Path) -> None:
    (tmp_path / "null.npz").symlink_to(os.devnull)
    minigrad.save({"w": tensor(1.0)}, tmp_path / "null.npz")
    assert stat.S_ISCHR(os.stat(os.devnull).st_mode) and os.readlink(tmp_path / "null.npz") == os.devnull
    os.mkfifo(tmp_path / "pipe")
    found: list[bytes] = []
    reader = threading.Thread(target=lambda: found.append((tmp_path / "pipe").read_bytes()))
    reader.start()
    write_file(tmp_path / "pipe", writing(b"content"))
    reader.join()
    assert found == [b"content"] and stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


@posix
@pytest.mark.parametrize("where", ["a pipe", "a file"])
def test_standard_output_is_written_to(tmp_path: Path, where: str) -> None:
    if not os.path.exists("/dev/stdout"):
        pytest.skip("no /dev/stdout")
    code = "from minigrad.output.files import write_file; write_file('/dev/stdout', lambda f: f.write(b'content'))"
    with open(tmp_path / "out", "w+b") as out:
        done = subprocess.run(
            [sys.executable, "-c", code], stdout=subprocess.PIPE if where == "a pipe" else out, check=True
        )
        assert (done.stdout if where == "a pipe" else out.read()) == b"content"


@posix
def test_a_planted_link_is_not_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    drawn = iter([bytes(8), bytes(8), bytes([1] * 8)])
    monkeypatch.setattr(os, "urandom", lambda n: next(drawn))
    write_file(tmp_path / "file", lambda file: planted.append(file.name))
    (tmp_path / os.path.basename(planted[0])).symlink_to(victim)
    with pytest.raises(FileExistsError, match="file"):
        write_file(tmp_path / "file", writing(b"evil"))
    write_file(tmp_path / "file", writing(b"new"))
    assert victim.read_bytes() == b"precious" and (tmp_path / "file").read_bytes() == b"new"


planted: list[str] = []


@pytest.mark.parametrize("call", ["write", "flush", "fsync", "replace"])
@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_what_fails_leaves_the_old_file_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, error: BaseException
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def failing(*_: Any) -> None:
        raise error

    def write(file: BinaryIO) -> None:
        file.write(b"new")
        if call == "write":
            failing()

    if call in ("fsync", "replace"):
        monkeypatch.setattr(os, call, failing)
    if call == "flush":
        monkeypatch.setattr(files, "_keep_mode", failing)
    with pytest.raises(type(error), match="No space left on device: '.*file'" if isinstance(error, OSError) else None):
        write_file(path, write)
    assert path.read_bytes() == b"old" and os.listdir(tmp_path) == ["file"]


FULL = """
import resource, signal, sys, minigrad
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))
try:
    minigrad.save({"w": minigrad.ones(10**6)}, sys.argv[1])
except OSError as error:
    print(error)
"""


@posix
def test_a_full_disk_leaves_the_old_file_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    minigrad.save({"w": tensor(1.0)}, path)
    done = subprocess.run([sys.executable, "-c", FULL, str(path)], capture_output=True, text=True, check=True)
    assert str(path) in done.stdout
    assert minigrad.load(path)["w"].item() == 1 and os.listdir(tmp_path) == ["a.npz"]


@posix
@pytest.mark.skipif(os.name == "posix" and os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_or_file_that_may_not_be_written(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    path.chmod(0o444)
    with pytest.raises(PermissionError, match="denied: '.*file'"):
        write_file(path, writing(b"new"))
    path.chmod(0o644)
    tmp_path.chmod(0o555)
    try:
        with pytest.raises(PermissionError, match="its folder must be writable.*file"):
            write_file(path, writing(b"new"))
    finally:
        tmp_path.chmod(0o755)
    assert path.read_bytes() == b"old"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # files that are closed by the collector
def test_an_interrupt_at_any_line_leaves_the_old_file_or_the_new_one(tmp_path: Path) -> None:
    path, seen = tmp_path / "file", set()
    for stop in range(1000):
        path.write_bytes(b"old")
        lines = 0

        def trace(frame: Any, event: str, argument: Any, stop: int = stop) -> Any:
            nonlocal lines
            if frame.f_code.co_filename != files.__file__:
                return None
            frame.f_trace_opcodes = True
            lines += 1
            if lines == stop:
                raise KeyboardInterrupt
            return trace

        before = sys.gettrace()
        sys.settrace(trace)
        try:
            write_file(path, writing(b"new"))
            interrupted = False
        except KeyboardInterrupt:
            interrupted = True
        finally:
            sys.settrace(before)
        found = path.read_bytes()
        assert found in (b"old", b"new")
        seen.add(found)
        if not interrupted and stop > 100:
            break
    else:
        raise AssertionError("the interrupts never end")
    assert seen == {b"old", b"new"}
    write_file(path, writing(b"new"))
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize(("kind", "name"), [(Svg, "a.svg"), (Page, "a.html")])
def test_pictures_and_pages_that_cannot_be_written_leave_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: Any, name: str
) -> None:
    kind("old").save(tmp_path / name)

    def failing(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", failing)
    with pytest.raises(OSError, match="No space"):
        kind("new").save(tmp_path / name)
    assert (tmp_path / name).read_text() == "old" and os.listdir(tmp_path) == [name]
