"""Which files of a folder are taken for pictures of which class, before any of them is opened."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from ex3.errors import DataError

TWO_PARTS = ("train", "test")
NAMED = 3  # files that are named, of each kind that is not used


class PictureFile(NamedTuple):
    """A file: its path relative to the folder, with slashes; ``train`` or ``test``; its class; its size and time."""

    name: str
    part: str
    label: int
    bytes: int
    modified: int


@dataclass
class Listing:
    """The files of a folder.

    Attributes:
        folder: The folder.
        parts: ``train`` and ``test``, or ``train`` alone where there is one level.
        class_names: In natural order.
        files: Part by part, class by class, in natural order.
        skipped: By reason, the files that are not used.
    """

    folder: Path
    parts: tuple[str, ...]
    class_names: tuple[str, ...] = ()
    files: list[PictureFile] = field(default_factory=list)
    skipped: dict[str, list[str]] = field(default_factory=dict)

    def skip(self, name: str, reason: str) -> None:
        """Note a file that is not used."""
        self.skipped.setdefault(reason, []).append(name)

    def describe_skipped(self) -> str:
        """Name them in a line, e.g. ``3 files are not used: 2 broken (train/cat/1.png, ...), 1 empty (...)``."""
        kinds = []
        for reason, names in self.skipped.items():
            more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
            kinds.append(f"{len(names)} {reason} ({', '.join(names[:NAMED])}{more})")
        count = sum(map(len, self.skipped.values()))
        return f"{count} file{'s are' if count > 1 else ' is'} not used: {', '.join(kinds)}" if kinds else ""


def list_pictures(folder: Path) -> Listing:
    """List ``train/<class>/*`` and ``test/<class>/*``, or ``<class>/*``; symbolic links out of the folder are skipped.

    Raises:
        DataError: The folder cannot be read, or does not have this structure.
    """
    try:
        top = [entry.name for entry in _entries(folder) if entry.is_dir() and not _leads_out(folder, entry)]
        has_parts = [part in top and any(entry.is_dir() for entry in _entries(folder / part)) for part in TWO_PARTS]
        if any(has_parts) and not all(has_parts):
            present, absent = sorted(TWO_PARTS, key=lambda part: not has_parts[TWO_PARTS.index(part)])
            raise DataError(f"{folder}: holds {present}/ with a folder per class, but no such {absent}/")
        listing = Listing(folder, TWO_PARTS if all(has_parts) else ("train",))
        _list_classes(listing)
    except OSError as error:
        raise DataError(f"{error.filename}: cannot be read: {error.strerror}") from error
    if len(listing.class_names) < 2:
        raise DataError(f"{folder}: holds no two folders of pictures; there should be train/CLASS/ and test/CLASS/")
    return listing


def natural(name: str) -> tuple:
    """Return a key that sorts ``class2`` before ``class10``."""
    pieces = re.split(r"([0-9]+)", name)
    return [int(piece) if place % 2 else piece.casefold() for place, piece in enumerate(pieces)], name


def _list_classes(listing: Listing) -> None:
    roots = {part: listing.folder / part if len(listing.parts) > 1 else listing.folder for part in listing.parts}
    folders: dict[str, list[str]] = {}
    for part, root in roots.items():
        folders[part] = []
        for entry in _entries(root):
            if _is_usable(listing, entry, entry.is_dir(), "outside of the classes"):
                folders[part].append(entry.name)
    listing.class_names = tuple(sorted({name for names in folders.values() for name in names}, key=natural))
    for part, root in roots.items():
        for label, name in enumerate(listing.class_names):
            if name in folders[part]:
                _list_files(listing, root / name, part, label)


def _list_files(listing: Listing, folder: Path, part: str, label: int) -> None:
    for entry in _entries(folder):
        if _is_usable(listing, entry, entry.is_file(), "no file"):
            state, name = entry.stat(), _relative(listing, entry)
            listing.files.append(PictureFile(name, part, label, state.st_size, state.st_mtime_ns))


def _entries(folder: Path) -> Iterator["os.DirEntry[str]"]:
    """Yield what a folder holds, without hidden files, in natural order."""
    with os.scandir(folder) as entries:
        yield from sorted(
            (entry for entry in entries if not entry.name.startswith(".")), key=lambda entry: natural(entry.name)
        )


def _relative(listing: Listing, entry: "os.DirEntry[str]") -> str:
    return entry.path.removeprefix(str(listing.folder)).replace(os.sep, "/").lstrip("/")


def _leads_out(folder: Path, entry: "os.DirEntry[str]") -> bool:
    return entry.is_symlink() and not Path(entry.path).resolve().is_relative_to(folder.resolve())


def _is_usable(listing: Listing, entry: "os.DirEntry[str]", is_kind: bool, otherwise: str) -> bool:
    """Check an entry, and note why it is skipped: it is not of the wanted kind, leads out, or has no proper name."""
    name = _relative(listing, entry)
    printable = name.encode("utf-8", "backslashreplace").decode()
    if _leads_out(listing.folder, entry):
        listing.skip(printable, "symbolic link out of the folder")
    elif not is_kind:
        listing.skip(printable, otherwise)
    elif printable != name:
        listing.skip(printable, "name not in UTF-8")
    else:
        return True
    return False
