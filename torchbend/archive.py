"""A ``.ts`` file read as data, and opened only when nothing in it is amiss.

A TorchScript file is a zip archive: pickled objects, tensors, and code as text. What is read
here is never run. `open_script` hands torch a copy that holds exactly the members that were
checked, so that nothing can hide from one zip reader and show itself to the other.
"""

from __future__ import annotations

import io
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from torchbend.archive_code import forbidden_code, forbidden_pickle
from torchbend.archive_pickle import misshapen_pickle
from torchbend.errors import TorchbendError, first_line

__all__ = ["Archive", "ArchiveError", "is_torchscript", "open_bare", "open_script"]

# Torch compresses its code, never its tensors. More than this unpacked is no model.
_MOST_UNPACKED_BYTES = 256 * 2**20
_BAD_ZIP = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    IndexError,
    NotImplementedError,
    OverflowError,
    RuntimeError,
    ValueError,
)
_ODD_NAME = re.compile(r'[\x00-\x1f\x7f\\:*?"<>|]')


class ArchiveError(TorchbendError):
    """A file that is no TorchScript, is damaged, or holds what it should not."""


def is_torchscript(path: Path) -> bool:
    """Whether a file means to be TorchScript: by its ending, or because it holds code."""
    if path.suffix == ".ts":
        return not path.is_dir()
    if not path.is_file() or not zipfile.is_zipfile(path):
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            return any("/code/" in name for name in archive.namelist())
    except _BAD_ZIP:
        return False


class Archive:
    """A TorchScript archive, read as data and checked; see the module.

    Attributes:
        path: of the file.
        names: the members' paths without the archive's own name in front, such as
            ``"code/__torch__.py"``.
        code: the text of every code member, by its name.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        try:
            data = self.path.read_bytes()
        except OSError as error:
            raise ArchiveError(f"{path} cannot be read: {error.strerror or error}") from error
        if not data.startswith(b"PK\x03\x04"):
            raise ArchiveError(f"{path} is no TorchScript file: {_what_it_is(data)}")
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(data))
        except _BAD_ZIP as error:
            raise ArchiveError(
                f"{path} is cut short or damaged: {first_line(error)}. Fetch or export it again."
            ) from error
        self._members = {
            name: member for name, member in self._named() if not name.endswith("/") and name
        }
        self.names = tuple(self._members)
        self._check_kind()
        self._check_sizes(len(data))
        self.code = {
            name: self._text(name) for name in self.names if name.casefold().endswith(".py")
        }
        self._check_contents()

    def read(self, name: str) -> bytes | None:
        """The bytes of one member, or None if there is none of that name.

        Args:
            name: without the archive's own name in front.

        Raises:
            ArchiveError: if its checksum does not fit, or it is damaged otherwise.
        """
        if name not in self._members:
            return None
        try:
            return self._zip.read(self._members[name])
        except _BAD_ZIP as error:
            raise self._error(
                f"is damaged: {first_line(error)}. Fetch or export it again."
            ) from error

    def copy(self, notes: bool = False) -> io.BytesIO:
        """The same archive written anew from the checked members.

        Args:
            notes: keep the notes on the Python lines that the code came from. Torch reads them
                late, when a graph or an error is printed, and damage in them shows only then.
        """
        copied = io.BytesIO()
        with zipfile.ZipFile(copied, "w", zipfile.ZIP_STORED) as written:
            for name in self.names:
                # `read` cannot answer None for a name of its own list.
                data = self.read(name) or b""
                if name.casefold().endswith(".debug_pkl") and not (notes and _is_sound(data)):
                    continue
                written.writestr(zipfile.ZipInfo(f"archive/{name}"), data)
        copied.seek(0)
        return copied

    def _error(self, what: str) -> ArchiveError:
        return ArchiveError(f"{self.path} {what}")

    def _named(self) -> Iterator[tuple[str, zipfile.ZipInfo]]:
        members = self._zip.infolist()
        top = members[0].filename.split("/")[0] if members else ""
        seen = set()
        for member in members:
            parts = member.filename.split("/")
            if _ODD_NAME.search(member.filename) or any(p in ("", ".", "..") for p in parts[:-1]):
                raise self._error(f"holds a member named {member.filename!r}: opened nothing.")
            if parts[0] != top or len(parts) == 1:
                raise self._error(
                    f"is no TorchScript file: {member.filename!r} lies outside of {top + '/'!r}."
                )
            # Torch's reader looks names up without regard to case.
            if member.filename.casefold() in seen:
                raise self._error(f"holds two members named {member.filename!r}.")
            seen.add(member.filename.casefold())
            yield member.filename[len(top) + 1 :], member

    def _check_kind(self) -> None:
        if {"data.pkl", "constants.pkl"} <= self._members.keys():
            return
        if "model.json" in self._members:
            raise self._error(
                "was written by a torch before 1.3, which no torch of today reads. "
                "Export it again with a later one."
            )
        if "data.pkl" in self._members:
            raise self._error(
                "is a checkpoint that torch.save wrote: weights without code. A TorchScript "
                "file is wanted, as torch.jit.save and RAVE's export write it."
            )
        raise self._error("is a zip archive, but no TorchScript: it has no data.pkl.")

    def _check_sizes(self, file_size: int) -> None:
        unpacked = 0
        for name, member in self._members.items():
            if member.flag_bits & 0x1:
                raise self._error(f"is encrypted ({name}).")
            if member.compress_type == zipfile.ZIP_STORED:
                if member.file_size != member.compress_size:
                    raise self._error(f"declares two sizes for {name}: it is damaged.")
            elif member.compress_type == zipfile.ZIP_DEFLATED:
                unpacked += member.file_size
            else:
                raise self._error(f"is compressed in a way that torch does not read ({name}).")
        if sum(member.compress_size for member in self._members.values()) > file_size:
            raise self._error("declares more data than it holds: it is cut short or damaged.")
        if unpacked > _MOST_UNPACKED_BYTES:
            raise self._error(
                f"would unpack to {unpacked / 2**20:.0f} MiB; at most "
                f"{_MOST_UNPACKED_BYTES / 2**20:.0f} MiB are taken. Tensors are never compressed "
                "in a TorchScript file."
            )

    def _text(self, name: str) -> str:
        try:
            return (self.read(name) or b"").decode()
        except UnicodeDecodeError as error:
            raise self._error(f"is damaged: {name} is no text.") from error

    def _check_contents(self) -> None:
        found = list(forbidden_code(self.code))
        trees = {name: self.read(name) or b"" for name in ("data.pkl", "constants.pkl")}
        for name, tree in trees.items():
            found += [f"{name} {what}" for what in forbidden_pickle(tree)]
        if found:
            more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
            raise self._error(
                f"was not opened: {found[0]}{more}. A model that only plays needs none of that."
            )
        sizes = {name: member.file_size for name, member in self._members.items()}
        for name, tree in trees.items():
            for what in misshapen_pickle(tree, name.removesuffix(".pkl"), sizes):
                raise self._error(f"was not opened: {name} {what}. Fetch or export it again.")


def _is_sound(notes: bytes) -> bool:
    return not any(misshapen_pickle(notes, "", {}))


def _what_it_is(data: bytes) -> str:
    if not data:
        return "it is empty."
    if data.startswith(b"\x80"):
        return "it is a pickle, such as an old checkpoint. Nothing of it was executed."
    if data[257:262] == b"ustar":
        return "it is a tar archive."
    return "it is no zip archive."


def open_script(
    path: str | Path | Archive, device: str | torch.device = "cpu"
) -> torch.jit.ScriptModule:
    """Open a TorchScript file that was checked as data first.

    Args:
        path: of the ``.ts`` file, or the archive read already.
        device: where its tensors go.

    Returns:
        The module, as it was saved.

    Raises:
        ArchiveError: if the file is no TorchScript, is damaged, holds code that reaches
            outside the model, or is refused by torch.
    """
    archive = path if isinstance(path, Archive) else Archive(path)
    try:
        module: torch.jit.ScriptModule = torch.jit.load(archive.copy(), map_location=device)  # type: ignore[no-untyped-call]
    # Torch answers damage with almost any of the built-in errors.
    except Exception as error:  # noqa: BLE001
        raise _refused(archive.path, error) from error
    return module


def open_bare(checked: bytes, path: str | Path) -> Any:
    """Open a TorchScript file as torch holds it, without Python's modules around its objects.

    Args:
        checked: the file, which was checked as data; see :meth:`Archive.copy`.
        path: what to call it when torch refuses it.

    Returns:
        Its root, on the CPU.

    Raises:
        ArchiveError: if it is refused by torch.
    """
    native: Any = torch._C
    cpu = torch.device("cpu")
    try:
        return native.import_ir_module_from_buffer(
            native.CompilationUnit(), checked, cpu, {}, False
        )
    except Exception as error:  # noqa: BLE001 - as above
        raise _refused(path, error) from error


def _refused(path: str | Path, error: Exception) -> ArchiveError:
    said = first_line(error)
    return ArchiveError(f"{path} cannot be opened by torch {torch.__version__}: {said}")
