"""Photos that lie elsewhere: what fsspec reads (s3://, gs://, https://, memory://, ...).

Rights and addresses are fsspec's and its drivers' own: environment variables and their files.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from dmlseg_core.errors import ImageError, MissingExtraError, ParameterError
from dmlseg_core.folder.inputs import SUFFIXES, Job
from dmlseg_core.photo import UNNAMED, Photo, load_photo

_URL = re.compile(r"([a-z][a-z0-9+.-]+::)*[a-z][a-z0-9+.-]+://", re.IGNORECASE)
"""A chain is one as well: zip://**/*.jpg::s3://bucket/photos.zip, simplecache::s3://bucket."""
_MAGIC = re.compile(r"[*?\[]")


def is_url(item: str | Path) -> bool:
    """Whether an input is a URL, not a path."""
    return isinstance(item, str) and _URL.match(item) is not None


@dataclass(frozen=True)
class UrlJob(Job):
    """A photo behind a URL, read whole into memory."""

    def stamp(self) -> list[int] | None:
        """[size, hash of what the store tells of its version]; None where it tells nothing."""
        try:
            info = _asked(str(self.source), "info")
        except ImageError:  # reading tells why
            return None
        told = {k: str(info[k]) for k in sorted(info) if k in _VERSION}
        digest = hashlib.sha256(json.dumps(told).encode()).digest()
        return [int(info.get("size") or 0), int.from_bytes(digest[:6])]

    def digest(self) -> str:
        """sha256 of its bytes, "" where it cannot be read."""
        try:
            return hashlib.sha256(_asked(str(self.source), "cat_file")).hexdigest()
        except ImageError:
            return ""

    def read(self, max_megapixels: float) -> tuple[Photo, Any]:
        """As of `Job`."""
        url = str(self.source)
        data = _asked(url, "cat_file")
        try:
            photo = load_photo(io.BytesIO(data), max_megapixels=max_megapixels)
        except ImageError as error:
            raise ImageError(str(error).replace(UNNAMED, url)) from None
        digest = hashlib.sha256(data).hexdigest()
        return photo, lambda: digest


_VERSION = ("ETag", "etag", "LastModified", "created", "mtime", "md5Hash", "generation", "updated")


def url_jobs(url: str, *, several: bool) -> Iterator[Job]:
    """The photos of a URL: one, those below a folder, or those that a pattern matches.

    Raises:
        MissingExtraError: its driver is not installed. ParameterError: it cannot be looked into.
    """
    system, path = _opened(url)
    try:
        root, found = _listed(system, path)
    except Exception as error:  # as in `_asked`
        raise ParameterError(f"{url} cannot be looked into: {_reason(error)}") from None
    if found is None:
        yield UrlJob(url, PurePosixPath(path).name)
        return
    prefix = PurePosixPath(PurePosixPath(root).name if several and root == path else "")
    for one in sorted(found):
        name = one[len(root) :].lstrip("/")
        hidden = any(part.startswith(".") for part in name.split("/"))
        if PurePosixPath(one).suffix.lower() in SUFFIXES and not hidden:
            yield UrlJob(_url_of(one, url, system), str(prefix / name))


def _url_of(path: str, asked: str, system: Any) -> str:
    """The URL of a path that was found; of a chain, the first link with a path is its own."""
    if "::" not in asked:
        return str(system.unstrip_protocol(path))
    links = asked.split("::")
    own = next(k for k, link in enumerate(links) if "://" in link)
    links[own] = f"{links[own].partition('://')[0]}://{path}"
    return "::".join(links)


def _listed(system: Any, path: str) -> tuple[str, list[str] | None]:
    """The folder that names are told below, and the files; None: the path is one file."""
    try:  # not `isdir`, which takes a closed door for no folder
        kind = system.info(path)["type"]
    except FileNotFoundError:
        magic = _MAGIC.search(path)
        if magic is not None:
            return path[: magic.start()].rpartition("/")[0], system.glob(path)
        kind = "file"  # told when it is read, as of a path
    return path, system.find(path) if kind == "directory" else None


def _asked(url: str, method: str) -> Any:
    """What a method of a URL's file system says of its path.

    Raises:
        ImageError: it cannot be asked, and why.
    """
    try:
        system, path = _opened(url)
        return getattr(system, method)(path)
    except Exception as error:
        # no narrower: a driver lets through what its client raises (aiohttp's, botocore's, Google's
        # errors), which have no base in common, and one photo must never stop the rest
        raise ImageError(f"{url} cannot be read: {_reason(error)}") from None


def _opened(url: str) -> tuple[Any, str]:
    """The file system of a URL, and the path on it.

    Raises:
        MissingExtraError: its driver is not installed. ParameterError: nobody knows its kind.
    """
    import fsspec  # type: ignore[import-untyped]  # noqa: PLC0415 (only where a URL is read)

    kind = url.partition("://")[0]
    try:
        system, path = fsspec.core.url_to_fs(url)
    except ImportError as error:
        raise MissingExtraError(
            f"{kind}:// needs a driver that is not installed: {error}"
        ) from None
    except Exception as error:  # as in `_asked`; an archive is opened here, a server connected to
        raise ParameterError(f"{url} cannot be opened: {_reason(error)}") from None
    return system, str(path)


def _reason(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):  # drivers tell the path alone
        return "it does not exist"
    return str(getattr(error, "strerror", None) or error) or type(error).__name__
