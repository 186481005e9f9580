"""What the code inside a TorchScript archive may not do.

``torch.jit.load`` runs code: the ``__setstate__`` of a class, while it loads. Scripted code
can write files (``aten::save``), and so can extensions that happen to be imported. So the
text is read first, and refused by name if it mentions an operator that reaches outside the
model. The rules are stricter than they need be: a model's own method called ``save`` is
refused too, and so is any ``__setstate__``. The library's own, in some quantized layers, would
do no harm, but a class of its name can be written by anyone and loop for ever.

Strings and comments are told from code as TorchScript's own lexer does it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping

from torchbend.archive_chain import longest_chain

__all__ = ["forbidden_code", "forbidden_pickle"]

# Operators that touch files or the network. They are reachable as torch.save(x, f),
# ops.aten.save(x, f), x.save(f) and getattr(x, "save")(f), so the bare name is looked for.
_FORBIDDEN = frozenset({"save", "from_file", "rpc_async", "rpc_sync", "rpc_remote"})

# Namespaces that compute and nothing else. An extension's (image::write_file) or the
# distributed ones are not among them, and nn~ has none of them either.
_OPERATORS = frozenset(
    "aten prim prims quantized _quantized mkldnn mkldnn_prepacked onednn prepacked sparse "
    "profiler".split()
)
_CLASSES = frozenset({"quantized", "rnn", "sparse", "xnnpack", "mkldnn"})

_TOKEN = re.compile(
    r'(?P<string>"""(?:\\.|[^\\])*?"""|'
    r"'''(?:\\.|[^\\])*?'''|"
    r'"(?:\\.|[^"\\\n])*"|'
    r"'(?:\\.|[^'\\\n])*')"
    r"|(?P<comment>\#[^\n]*|\\\n)"
    r"|(?P<name>[^\W\d]\w*)"
    r"|(?P<other>\S)",
    re.DOTALL,
)
_INDENT = re.compile(r"^[ \t]*", re.MULTILINE)

# Torch's parser goes as deep as the code does, and the stack overflows at some thousands.
# Printed code stays below a hundred.
_DEEPEST = 500

_GLOBAL = re.compile(rb"torch\.classes\.(\w+)")


def forbidden_code(files: Mapping[str, str]) -> Iterator[str]:
    """Find what the code must not do.

    Args:
        files: the text of each code member, by its path in the archive.

    Yields:
        What was found and where, one sentence each.
    """
    for path, text in files.items():
        if _depth(text) > _DEEPEST:
            yield f"{path} nests code more than {_DEEPEST} deep"
        for what in dict.fromkeys(_found(text)):
            yield f"{path} {what}"
    if longest_chain({path: list(_words(text)) for path, text in files.items()}) > _DEEPEST:
        yield f"its code calls one function inside the other, more than {_DEEPEST} deep"


def forbidden_pickle(data: bytes) -> Iterator[str]:
    """Find native classes in a pickled member that may do more than compute.

    Args:
        data: the member's bytes; TorchScript's pickles name classes in plain text.

    Yields:
        What was found.
    """
    # The two halves of a class's name stand on two lines.
    for space in dict.fromkeys(_GLOBAL.findall(data.replace(b"\n", b"."))):
        if space.decode() not in _CLASSES:
            yield f"holds a native class of torch.classes.{space.decode()}"


def _found(text: str) -> Iterator[str]:
    tokens = [(kind, word) for kind, word, _ in _words(text)]
    words = [text for _, text in tokens]
    by_name = "getattr" in words
    for at, (kind, word) in enumerate(tokens):
        if kind == "name" and word in _FORBIDDEN:
            yield f"uses {word!r}, which reaches files or the network"
        elif kind == "name" and word == "__setstate__":
            yield (
                "has a __setstate__, which would run while loading (quantized layers have one: "
                "export the model as it was before it was quantized)"
            )
        elif kind == "name" and word == "ops" and words[at - 1 : at] != ["."]:
            space = _chain(words, at)[1:2]
            if not space or space[0] not in _OPERATORS:
                yield f"uses operators of {'.'.join(['ops', *space])}, which torch itself has not"
        # Torch 1.3 writes `import __torch__`, which names nothing anew.
        elif kind == "name" and word == "__torch__" and words[at - 1 : at] != ["import"]:
            yield from _native_classes(_chain(words, at))
        elif kind == "string" and by_name and _value(word) in _FORBIDDEN:
            yield f"may reach for {word} by name"


def _words(text: str) -> Iterator[tuple[str, str, int]]:
    """The words of the code, with their columns."""
    for match in _TOKEN.finditer(text):
        if match.lastgroup != "comment":
            column = match.start() - text.rfind("\n", 0, match.start()) - 1
            yield match.lastgroup or "", match.group(), column


def _depth(text: str) -> int:
    """How deep the code's tree can be at most: by its indents, brackets and operators."""
    # Words since the last comma, in each of the brackets that are open.
    runs = [0]
    total = deepest = end = 0
    for match in _TOKEN.finditer(text):
        word = match.group()
        if len(runs) == 1 and "\n" in text[end : match.start()]:
            runs[0] = total = 0
        if word == ",":
            total -= runs[-1]
            runs[-1] = 0
        elif word in ")]}" and len(runs) > 1:
            total -= runs.pop()
        runs[-1] += 1
        total += 1
        deepest = max(deepest, total)
        if word in "([{":
            runs.append(0)
        end = match.end()
    indents = (len(match.group()) for match in _INDENT.finditer(text))
    return max(deepest, *indents)


def _chain(words: list[str], at: int) -> list[str]:
    """The names of the dotted expression that starts at a token."""
    names = [words[at]]
    while words[at + 1 : at + 2] == ["."] and at + 2 < len(words):
        at += 2
        names.append(words[at])
    return names


def _native_classes(names: list[str]) -> Iterator[str]:
    if names[1:3] == ["torch", "classes"]:
        if len(names) < 5 or names[3] not in _CLASSES:
            yield f"uses the native class {'.'.join(names[1:])}"
    elif len(names) == 1 or names == ["__torch__", "torch"]:
        # A bare namespace could be renamed, and then used under that name.
        yield f"takes {'.'.join(names)} as a value"


def _value(literal: str) -> str | None:
    try:
        return str(ast.literal_eval(literal))
    except (SyntaxError, ValueError):
        return None
