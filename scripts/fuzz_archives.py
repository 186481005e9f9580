"""Thousands of damaged and hostile TorchScript files: nothing crashes, nothing is written.

    python scripts/fuzz_archives.py [--count 10000] [--seed 0] [--only KIND] [FILE ...]

Each case takes one good file, spoils it in one of the ways of `KINDS`, and opens it with
``torchbend.archive.open_script``. It must be refused with an ArchiveError or open; what opens
is looked at: every method's graph is walked, every tensor read. All of it runs in a process of
its own, in an empty folder, so that a crash of the interpreter, a case that does not end, and a
file written are seen. Exit status 1 tells of any.
"""

from __future__ import annotations

import argparse
import collections
import faulthandler
import io
import os
import random
import re
import resource
import selectors
import struct
import subprocess
import sys
import tempfile
import warnings
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

FIXTURES = Path(__file__).resolve().parents[1] / "tests" / "data" / "old_torch"
SECONDS_A_CASE = 60
MEMORY_BYTES = 12 * 2**30

HOSTILE_LINES = [
    'torch.save(x, "stolen")',
    'ops.aten.save(x, "stolen")',
    'getattr(torch, "save")(x, "stolen")',
    'y = torch.from_file("stolen", True, 4)',
    'ops.image.write_file("stolen", x)',
    '__torch__.torch.classes.dist_c10d.FileStore("stolen", 1)',
]

Contents = dict[str, bytes]
Change = Callable[[Contents, random.Random], "bytes | None"]
KINDS: dict[str, Change] = {}


def kind(change: Change) -> Change:
    """List a way to spoil a file: it changes the members, or answers the whole file's bytes."""
    KINDS[change.__name__] = change
    return change


# -- the whole file ------------------------------------------------------------------------
def packed(contents: Contents, method: int = zipfile.ZIP_STORED) -> bytes:
    """The members as one zip archive, with the checksums that they should have."""
    data = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(data, "w", method) as archive:
        warnings.simplefilter("ignore")
        for name, member in contents.items():
            # A name may have been spoiled.
            archive.writestr(zipfile.ZipInfo(name.removesuffix("\0again")), member, method)
    return data.getvalue()


@kind
def bytes_anywhere(contents: Contents, rng: random.Random) -> bytes:
    """Flipped, cut out or put in, wherever."""
    return spoiled(packed(contents), rng)


@kind
def cut_short(contents: Contents, rng: random.Random) -> bytes:
    """The beginning alone, or the end."""
    data = packed(contents)
    at = rng.randrange(len(data))
    return data[:at] if rng.random() < 0.8 else data[at:]


@kind
def declared_sizes(contents: Contents, rng: random.Random) -> bytes:
    """Sizes, offsets, methods and flags, in a member's entry or before its data."""
    data = bytearray(packed(contents, rng.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])))
    signature, fields = rng.choice(
        [
            (b"PK\x01\x02", [8, 10, 16, 20, 24, 28, 30, 32, 42]),
            (b"PK\x03\x04", [6, 8, 14, 18, 22, 26, 28]),
            (b"PK\x05\x06", [8, 10, 12, 16, 20]),
        ]
    )
    starts = [match.start() for match in re.finditer(re.escape(signature), bytes(data))]
    at = rng.choice(starts) + rng.choice(fields)
    number = rng.choice([0, 1, 7, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1, len(data)])
    data[at : at + 4] = struct.pack("<I", number)
    return bytes(data)


@kind
def two_in_one(contents: Contents, rng: random.Random) -> bytes:
    """A hostile archive hidden before, behind or inside a good one."""
    good, evil = packed(contents), dict(contents)
    hostile(evil, rng)
    other = packed(evil)
    at = rng.randrange(len(good))
    return rng.choice([good + other, other + good, good[:at] + other + good[at:]])


# -- members -------------------------------------------------------------------------------
def named(contents: Contents, rng: random.Random, ends: str) -> str:
    """One of the members whose names end so, or any if there is none."""
    return rng.choice([n for n in contents if n.endswith(ends)] or list(contents))


def spoiled(data: bytes, rng: random.Random) -> bytes:
    """With a few bytes flipped, cut out or put in."""
    changed = bytearray(data)
    for _ in range(rng.choice([1, 1, 2, 8])):
        at = rng.randrange(len(changed) + 1)
        what = rng.randrange(4)
        if what == 0 and at < len(changed):
            changed[at] ^= 1 << rng.randrange(8)
        elif what == 1 and at < len(changed):
            changed[at] = rng.randrange(256)
        elif what == 2:
            del changed[at : at + rng.choice([1, 4, 50])]
        else:
            changed[at:at] = rng.randbytes(rng.choice([1, 4]))
    return bytes(changed)


@kind
def rename(contents: Contents, rng: random.Random) -> None:
    """A member under another name, paths that lead out of the archive among them."""
    name = rng.choice(list(contents))
    top, _, rest = name.partition("/")
    contents[
        rng.choice(
            [
                name.upper(), top + "/../" + rest, "/" + name, "../../" + rest, rest,
                top + "/code/" + rest, name + "/", name + "x", name.replace("/", "\\"),
                top + f"/data/{rng.randrange(9)}", spoiled(name.encode(), rng).decode("latin1"),
            ]
        ).replace("\0", "_")
    ] = contents.pop(name)  # fmt: skip


@kind
def duplicate(contents: Contents, rng: random.Random) -> None:
    """Two members of one name, or of names that differ in case."""
    name = rng.choice(list(contents))
    again = rng.choice([name + "\0again", name.upper(), name.swapcase()])
    contents[again] = spoiled(contents[name], rng)


@kind
def swap(contents: Contents, rng: random.Random) -> None:
    """Two members' contents exchanged."""
    a, b = rng.choice(list(contents)), rng.choice(list(contents))
    contents[a], contents[b] = contents[b], contents[a]


@kind
def remove(contents: Contents, rng: random.Random) -> None:
    """A member is missing."""
    del contents[rng.choice(list(contents))]


@kind
def tensor_data(contents: Contents, rng: random.Random) -> None:
    """A tensor's member is shorter or longer than its tensor."""
    numbered = [n for n in contents if re.search(r"(data|constants)/\d+$", n)]
    if not numbered:
        return remove(contents, rng)
    name = rng.choice(numbered)
    contents[name] = contents[name][: rng.randrange(len(contents[name]) + 1)] * rng.choice([1, 3])
    return None


@kind
def version(contents: Contents, rng: random.Random) -> None:
    """Another version of the format or of the operators."""
    number = rng.choice(["0", "1", "2", "3", "8", "11", "999", "-1", "1e9", "", "9" * 40, "x"])
    contents[named(contents, rng, "/version")] = number.encode()


# -- pickles -------------------------------------------------------------------------------
@kind
def data_pkl(contents: Contents, rng: random.Random) -> None:
    """The object tree, spoiled."""
    name = named(contents, rng, "/data.pkl")
    contents[name] = spoiled(contents[name], rng)


@kind
def constants_pkl(contents: Contents, rng: random.Random) -> None:
    """The list of constants, spoiled."""
    name = named(contents, rng, "/constants.pkl")
    contents[name] = spoiled(contents[name], rng)


@kind
def pickle_numbers(contents: Contents, rng: random.Random) -> None:
    """One number of the object tree, such as a size or a stride, is another."""
    name = named(contents, rng, "/data.pkl" if rng.random() < 0.8 else "/constants.pkl")
    data = contents[name]
    found = [m.start() for m in re.finditer(rb"K.", data, re.DOTALL)]
    if not found:
        return data_pkl(contents, rng)
    at = rng.choice(found)
    number = rng.choice([0, 1, 3, 255, 2**16, 2**31 - 1, -1, -(2**31)])
    put = b"K" + bytes([number]) if 0 <= number < 256 else b"J" + struct.pack("<i", number)
    if rng.random() < 0.2:
        put = b"\x8a\x08" + struct.pack("<q", rng.choice([2**62, -(2**63), 2**40]))
    contents[name] = data[:at] + put + data[at + 2 :]
    return None


@kind
def pickle_program(contents: Contents, rng: random.Random) -> None:
    """Instructions put into the object tree: deep nesting, and lengths that are not there."""
    name = named(contents, rng, "/data.pkl" if rng.random() < 0.7 else "/constants.pkl")
    data = contents[name]
    depth = rng.choice([10, 1000, 100_000])
    put = rng.choice(
        [
            b"(" * depth, b"(" * depth + b"t" * depth, b")" + b"\x85" * depth,
            b"]" * depth + b"a" * depth, b"]" + b"(]" * depth + b"e" * depth, b"0" * depth,
            b"X\xff\xff\xff\xff", b"\x8a\xff", b"j\xff\xff\xff\xff", b"r\xff\xff\xff\x7f",
            b"h\xf0", b"s", b"u", b"b", b"R", b"Q", b"\x81", b"t", b"e", b"2", b".",
            b"cos\nsystem\nX\x04\0\0\0true\x85R", b"ctorch\nsave\n)R",
            b"}" + b"}" * depth,
        ]
    )  # fmt: skip
    at = rng.choice([2, len(data) - 1, rng.randrange(len(data) + 1)])
    contents[name] = data[:at] + put + data[at:]


# -- code ----------------------------------------------------------------------------------
@kind
def code(contents: Contents, rng: random.Random) -> None:
    """A few bytes of the code are others."""
    name = named(contents, rng, ".py")
    contents[name] = spoiled(contents[name], rng)


@kind
def code_words(contents: Contents, rng: random.Random) -> None:
    """Words, numbers and lines of the code change places: it stays readable more often."""
    name = named(contents, rng, ".py")
    text = contents[name].decode("latin1")
    words = list(re.finditer(r"\w+", text))
    if not words:
        return code(contents, rng)
    for _ in range(rng.choice([1, 1, 3])):
        a = rng.choice(words)
        other = rng.choice([rng.choice(words).group(), "0", "-1", "9223372036854775807", "None"])
        text = text[: a.start()] + other + text[a.end() :]
        words = list(re.finditer(r"\w+", text))
    if rng.random() < 0.3:
        lines = text.split("\n")
        i, j = rng.randrange(len(lines)), rng.randrange(len(lines))
        lines[i], lines[j] = lines[j], lines[i]
        text = "\n".join(lines)
    contents[name] = text.encode("latin1")
    return None


@kind
def deep_code(contents: Contents, rng: random.Random) -> None:
    """Brackets, blocks and sums nested deeper than any reader expects."""
    name = named(contents, rng, ".py")
    depth = rng.choice([50, 1000, 20_000])
    put = rng.choice(
        [
            "(" * depth + "1" + ")" * depth, "[" * depth + "]" * depth, "1 + " * depth + "1",
            "-" * depth + "1", "not " * depth + "True", "a." * depth + "a", "a" * depth,
        ]
    )  # fmt: skip
    line = f"    deep = {put}\n".encode()
    contents[name] = re.sub(rb"(?m)^    return ", lambda m: line + m[0], contents[name], count=1)


@kind
def hostile(contents: Contents, rng: random.Random) -> None:
    """A line that would write or read a file, in a method or run while loading."""
    name = named(contents, rng, ".py")
    line = f"    {rng.choice(HOSTILE_LINES)}\n".encode()
    if rng.random() < 0.3:
        line = b"    return None\n  def __setstate__(self, x: Tensor) -> None:\n" + line
    contents[name] = re.sub(rb"(?m)^    return ", lambda m: line + m[0], contents[name])


def opens(path: Path) -> bool:
    """Whether a file is a good one to begin with."""
    from torchbend.archive import Archive, ArchiveError

    try:
        Archive(path)
    except ArchiveError:
        return False
    return True


# -- the process that opens them -----------------------------------------------------------
def case(number: int, files: list[Path], only: str | None) -> tuple[str, Path, bytes]:
    """The name of the kind, the file it was made of, and the spoiled bytes."""
    rng = random.Random(number)
    name = only or rng.choice(list(KINDS))
    path = rng.choice(files)
    with zipfile.ZipFile(path) as archive:
        contents = {member: archive.read(member) for member in archive.namelist()}
    whole = KINDS[name](contents, rng)
    return name, path, packed(contents) if whole is None else whole


def look_at(module: object) -> int:
    """Print and walk the graphs of every method, and read every tensor; returns the characters."""
    import torch

    def nodes(block: object) -> Iterator[object]:
        for node in block.nodes():  # type: ignore[attr-defined]
            yield node
            for inner in node.blocks():
                yield from nodes(inner)

    seen = 0
    for part in module.modules():  # type: ignore[attr-defined]
        for method in part._c._method_names():
            graph = part._c._get_method(method).graph
            seen += len(str(graph))
            for node in nodes(graph):
                if node.kind() == "prim::Constant" and node.hasAttribute("value"):  # type: ignore[attr-defined]
                    value = node.output().toIValue()  # type: ignore[attr-defined]
                    if isinstance(value, torch.Tensor):
                        value.double().sum()
    for tensor in [*module.parameters(), *module.buffers()]:  # type: ignore[attr-defined]
        if not tensor.is_quantized:
            tensor.detach().cpu().to(torch.complex128).sum()
    return seen


def work(first: int, end: int, files: list[Path], only: str | None) -> None:
    """Open case after case, telling each number before and its outcome after."""
    from torchbend.archive import Archive, ArchiveError, open_script

    warnings.simplefilter("ignore")
    faulthandler.enable()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # One up from the current folder, so that a path of "../" is seen too.
    folder = Path.cwd().parent
    spoiled_file = folder / "x.ts"
    for number in range(first, end):
        print("case", number, flush=True)
        name, _, data = case(number, files, only)
        spoiled_file.write_bytes(data)
        outcome = "refused unread"
        try:
            archive = Archive(spoiled_file)
            outcome = "refused by torch"
            module = open_script(archive)
            outcome = "opened"
            look_at(module)
        except ArchiveError as error:
            if str(spoiled_file) not in str(error):
                outcome = "an error without the file's name"
        except Exception as error:  # noqa: BLE001
            outcome = f"{outcome}, then {type(error).__name__}: {str(error)[:200]!r}"
        if name == "hostile" and outcome == "opened":
            outcome = "hostile line opened" if b"stolen" in data else outcome
        written = [str(p) for p in folder.rglob("*") if p.is_file() and p != spoiled_file]
        if written:
            sys.exit(f"{name}: {outcome}, and wrote {written}")
        print("done", name, "|", outcome, flush=True)


def watched(arguments: argparse.Namespace, files: list[Path], folder: Path) -> list[str]:
    """Run all cases in processes that may crash; answers what went wrong."""
    counts: collections.Counter[tuple[str, str]] = collections.Counter()
    wrong = []
    first, end = arguments.seed, arguments.seed + arguments.count
    while first < end:
        scratch = folder / f"from_{first}"
        scratch.mkdir()
        command = [sys.executable, __file__, "--work", f"{first}:{end}", *map(str, files)]
        command += ["--only", arguments.only] if arguments.only else []
        environment = os.environ | {"TMPDIR": str(scratch), "HOME": str(scratch)}
        environment |= {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path[1:])}
        with tempfile.TemporaryFile("w+") as stderr:
            process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=stderr, cwd=scratch, env=environment
            )
            at, how = follow(process, counts)
            stderr.seek(0)
            trace = stderr.read()[-1500:]
        if how == "":
            break
        name, path, _ = case(at, files, arguments.only)
        wrong.append(f"case {at} ({name} of {path}): {how}\n{trace}")
        first = at + 1
    for (name, outcome), count in sorted(counts.items()):
        print(f"{count:6d}  {name:16s} {outcome}")
        if outcome not in ("refused unread", "refused by torch", "opened"):
            wrong.append(f"{count} of kind {name}: {outcome}")
    return wrong


def follow(
    process: subprocess.Popen[bytes], counts: collections.Counter[tuple[str, str]]
) -> tuple[int, str]:
    """Read what the process tells, until it ends or is stuck: the last case and what befell."""
    at = -1
    stdout = process.stdout
    if stdout is None:
        raise RuntimeError("started without a pipe")
    selector = selectors.DefaultSelector()
    selector.register(stdout, selectors.EVENT_READ)
    while True:
        if not selector.select(SECONDS_A_CASE):
            process.kill()
            process.wait()
            return at, f"did not end within {SECONDS_A_CASE} s"
        line = stdout.readline().decode()
        if not line:
            break
        word, _, rest = line.strip().partition(" ")
        if word == "case":
            at = int(rest)
        elif word == "done":
            name, _, outcome = rest.partition(" | ")
            counts[name, outcome] += 1
    status = process.wait()
    return at, "" if status == 0 else f"ended with status {status}"


def main() -> int:
    """Parse the arguments and run. Returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0, help="the first case's number")
    parser.add_argument("--only", choices=sorted(KINDS))
    parser.add_argument("--work", help=argparse.SUPPRESS)
    parser.add_argument("files", nargs="*", type=Path)
    arguments = parser.parse_args()
    files = arguments.files or [path for path in sorted(FIXTURES.glob("*/*.ts")) if opens(path)]
    if arguments.work:
        first, end = map(int, arguments.work.split(":"))
        work(first, end, files, arguments.only)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        wrong = watched(arguments, [path.resolve() for path in files], Path(folder))
    for line in wrong:
        print(line)
    print(f"{arguments.count} cases, {len(wrong)} that must not be")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
