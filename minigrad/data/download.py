"""Fetching a file once: checked, resumed where it broke off, and in its place only when it is whole."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path

from minigrad.data.progress import Progress

CHUNK = 1 << 16


def checksum(path: Path) -> str:
    """The MD5 of a file, in hexadecimal: against damage, not against forgery."""
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def download(urls: str | Sequence[str], path: Path | str, md5: str, *, show_progress: bool = True) -> Path:
    """The file at `path`, fetched from the first of `urls` that has it, unless it is there already.

    What has come so far is kept in `path` + ".part", and the next call goes on there. Only a whole file with the right
    checksum gets the name `path`, in one step.

    Args:
        urls: where it is, or several places to try in turn.
        path: where to put it.
        md5: its checksum.
        show_progress: show a progress bar, on a terminal.

    Returns:
        The path.

    Raises:
        ValueError: a file at `path`, or what was fetched, has another checksum.
        OSError: it could not be fetched; the message says how to do so by hand.
    """
    path = Path(path)
    urls = [urls] if isinstance(urls, str) else list(urls)
    if path.exists():
        if (found := checksum(path)) != md5:
            raise ValueError(f"{path} has the MD5 {found}, expected {md5}: it is damaged; remove it to fetch it again")
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
            f"cannot fetch {path.name} ({'; '.join(failures)}). Without a network, fetch it elsewhere from {urls[0]} "
            f"and put it into {path.parent}"
        )
    if (found := checksum(part)) != md5:
        part.unlink()
        raise ValueError(
            f"{path.name} from {url} has the MD5 {found}, expected {md5}; it was not kept. Try again later"
        )
    part.replace(path)
    return path


def _fetch(url: str, part: Path, show_progress: bool) -> None:
    """Append what is missing of a file to `part`."""
    import urllib.error  # here, for it is slow to load
    import urllib.request

    start = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"User-Agent": "minigrad"})
    if start:
        request.add_header("Range", f"bytes={start}-")
    try:
        response = urllib.request.urlopen(request, timeout=30)
    except urllib.error.HTTPError as error:
        if error.code == 416:  # nothing is missing, or the file there is another one: the checksum tells
            error.close()
            return
        raise
    with response:
        if response.status != 206:  # the server sends the whole file
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
            raise OSError(f"the connection broke off after {size} of {total} bytes; the next try goes on from there")
