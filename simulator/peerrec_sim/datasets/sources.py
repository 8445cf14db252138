r"""Read text files of data sets, plain or compressed, and name their lines in errors.

Example:
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "u.data.gz"
    >>> _ = file.write_bytes(gzip.compress(b"1\t7\t3"))
    >>> Folder.of(file).file("u.data").read().data
    b'1\t7\t3\n'
"""

from __future__ import annotations

import gzip
import lzma
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BufferedIOBase
from pathlib import Path

from peerrec.errors import DataError

__all__ = ["Folder", "Source", "SourceFile", "decode"]

_READERS: dict[str, Callable[[bytes], bytes]] = {".gz": gzip.decompress, ".xz": lzma.decompress}
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"

_SNIFFED_BYTES = 65_536
"""Enough to see the layout of a table; the longest line of a known set has 12 kB."""


@dataclass(frozen=True, slots=True)
class Source:
    """The uncompressed bytes of a file; the last line ends with a newline.

    Attributes:
        path: where they come from, for messages.
        data: the bytes, without a byte order mark.
    """

    path: Path
    data: bytes

    def head(self) -> Source:
        """Return the first whole lines, enough to recognise the layout."""
        if len(self.data) < _SNIFFED_BYTES:
            return self
        start = self.data[:_SNIFFED_BYTES]
        return Source(self.path, start[: start.rfind(b"\n") + 1] or start)

    def error(self, line: int, message: str) -> DataError:
        """Return the error to raise about a line, counted from 1."""
        return DataError(f"{self.path}, line {line}: {message}")


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file that may be compressed.

    Attributes:
        name: the file's name without ``.gz`` or ``.xz``.
        path: where it is.
    """

    name: str
    path: Path

    @classmethod
    def of(cls, path: Path) -> SourceFile:
        """Name the file at a path."""
        return cls(path.stem if path.suffix in _READERS else path.name, path)

    @property
    def stem(self) -> str:
        """The name without its ending, in lower case."""
        return Path(self.name).stem.lower()

    def read(self) -> Source:
        """Return the whole content.

        Raises:
            DataError: the file cannot be read or decompressed.
        """
        try:
            data = self.path.read_bytes()
            if self.path.suffix in _READERS:
                data = _READERS[self.path.suffix](data)
        except (OSError, EOFError, lzma.LZMAError, zlib.error) as error:
            raise DataError(f"{self.path}: cannot be read: {error}") from error
        return Source(self.path, _normalised(data))

    def head(self) -> Source:
        """Return the first whole lines, enough to recognise the layout.

        Raises:
            DataError: the file cannot be read or decompressed.
        """
        try:
            with _opened(self.path) as stream:
                data = stream.read(_SNIFFED_BYTES)
        except (OSError, EOFError, lzma.LZMAError, zlib.error) as error:
            raise DataError(f"{self.path}: cannot be read: {error}") from error
        return Source(self.path, _normalised(data)).head()


def _opened(path: Path) -> BufferedIOBase:
    """Return a stream of the uncompressed bytes."""
    if path.suffix == ".gz":
        return gzip.GzipFile(path)
    return lzma.LZMAFile(path) if path.suffix == ".xz" else path.open("rb")


def _normalised(data: bytes) -> bytes:
    """Drop a byte order mark and close the last line."""
    data = data.removeprefix(_BYTE_ORDER_MARK)
    return data if not data or data.endswith(b"\n") else data + b"\n"


@dataclass(frozen=True, slots=True)
class Folder:
    """Files that may belong to one data set.

    Attributes:
        path: the folder, or the one file that was asked for.
        files: name without compression ending → file. One entry where a single file
            was asked for.
        siblings: everything beside, searched for titles only.
    """

    path: Path
    files: Mapping[str, SourceFile]
    siblings: Mapping[str, SourceFile]

    @classmethod
    def of(cls, path: Path) -> Folder:
        """List a folder, or take one file with its neighbours as siblings.

        Raises:
            DataError: there is no such folder or file, or it may not be listed.
        """
        try:
            if path.is_dir():
                files = _listed(path)
                return cls(path, files, files)
            if path.is_file():
                only = SourceFile.of(path)
                return cls(path, {only.name: only}, _listed(path.parent))
        except OSError as error:
            raise DataError(f"{path}: cannot be read: {error}") from error
        raise DataError(f"{path}: there is no such file or folder")

    @property
    def is_single(self) -> bool:
        """Whether one file was asked for."""
        return self.files is not self.siblings

    def file(self, name: str) -> SourceFile:
        """Return a file that is known to be there."""
        return self.files[name]

    def first(self, *names: str) -> SourceFile | None:
        """Return the first of the named files that is there."""
        return next((self.files[name] for name in names if name in self.files), None)

    def with_stem(self, *stems: str) -> SourceFile | None:
        """Return the first file, by order of the stems, then of the names."""
        for stem in stems:
            for name in self.files:
                if self.files[name].stem == stem:
                    return self.files[name]
        return None


def _listed(folder: Path) -> dict[str, SourceFile]:
    """Return the files of a folder by name; the uncompressed one wins."""
    files = [SourceFile.of(path) for path in sorted(folder.iterdir()) if path.is_file()]
    ordered = sorted(files, key=lambda file: (file.name, len(file.path.name)), reverse=True)
    by_name = {file.name: file for file in ordered}
    return dict(sorted(by_name.items()))


def decode(data: bytes) -> str:
    """Return text: UTF-8 where it is valid, else Latin-1 (MovieLens titles)."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")
