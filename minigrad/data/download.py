"""Download a file once: resumed where it broke off, verified, and renamed only when complete."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path

from minigrad.data.progress import Progress
from minigrad.output.words import printable

CHUNK = 1 << 16


def checksum(path: Path) -> str:
    """Return the MD5 of a file in hexadecimal. It detects damage, not forgery."""
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def download(urls: str | Sequence[str], path: Path | str, md5: str, *, show_progress: bool = True) -> Path:
    """Download a file to `path` from the first of `urls` that has it, unless it is there already.

    The bytes received so far are kept in `path` + ".part", and the next call resumes there. Only a complete file with
    the right checksum is renamed to `path`, in one step.

    Args:
        urls: an address, or several to try in turn.
        path: where to put the file; its folder is created.
        md5: the expected checksum, in hexadecimal.
        show_progress: whether to show a progress bar if stderr is a terminal (default True).

    Returns:
        The path.

    Raises:
        ValueError: if the file at `path`, or the downloaded one, has another checksum.
        OSError: if the download fails; the message says how to do it by hand.

    >>> import hashlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:  # a file that is there is only verified
    ...     path = Path(folder) / "file"
    ...     _ = path.write_bytes(b"data")
    ...     download("https://example.com/file", path, hashlib.md5(b"data").hexdigest()).name
    'file'
    """
    path = Path(path)
    urls = [urls] if isinstance(urls, str) else list(urls)
    if path.exists():
        if (found := checksum(path)) != md5:
            raise ValueError(
                f"{printable(path)} has the MD5 {found}, expected {md5}: it is damaged; remove it to download it again"
            )
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    failures = []
    for url in urls:
        try:
            _fetch(url, part, show_progress)
            break
        except OSError as error:
            failures.append(f"{url}: {getattr(error, 'reason', error)}")
    else:
        raise OSError(
            f"cannot download {printable(path.name)} ({'; '.join(failures)}). Without a network, download it "
            f"elsewhere from {urls[0]} and put it into {printable(path.parent)}"
        )
    if (found := checksum(part)) != md5:
        part.unlink()
        raise ValueError(
            f"{printable(path.name)} from {url} has the MD5 {found}, expected {md5}, and was discarded. Try again later"
        )
    part.replace(path)
    return path


def _fetch(url: str, part: Path, show_progress: bool) -> None:
    """Append the missing rest of a file to `part`."""
    import urllib.error  # here, since it is slow to import
    import urllib.request

    start = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"User-Agent": "minigrad"})
    if start:
        request.add_header("Range", f"bytes={start}-")
    try:
        response = urllib.request.urlopen(request, timeout=30)
    except urllib.error.HTTPError as error:
        if error.code == 416:  # nothing is missing, or the file at the server is another one: the checksum decides
            error.close()
            return
        raise
    with response:
        if response.status != 206:  # the server sends the file from the start
            start = 0
        rest = response.headers.get("Content-Length")
        total = start + int(rest) if rest else 0
        progress = Progress(max(total // CHUNK, 1), sys.stderr) if show_progress and sys.stderr.isatty() else None
        size = start
        with part.open("ab" if start else "wb") as file:
            while chunk := response.read(CHUNK):
                file.write(chunk)
                size += len(chunk)
                if progress is not None and total:
                    progress.show(size // CHUNK, f"{part.stem}  {size / 1e6:.1f} of {total / 1e6:.1f} MB")
        if total and size < total:
            raise OSError(f"the connection broke off after {size} of {total} bytes; the next call resumes there")
