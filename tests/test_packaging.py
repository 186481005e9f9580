"""What is installed, what it imports, and that a skipped test cannot hide."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("export", "realtime")
# Heavy or optional: imported where they are used, never by `import torchbend`.
LAZY = ("IPython", "audiocraft", "cffi", "gin", "matplotlib", "omegaconf", "plotly", "pythonosc")
LAZY += ("rave", "rich", "scipy", "sklearn", "sounddevice", "soundfile", "soxr", "torchaudio")
LAZY += ("transformers",)


def run(*command: str | Path, cwd: Path, **env: str) -> str:
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def packages() -> set[str]:
    """Every folder of the source that is a package, under its installed name."""
    found = {"torchbend": ROOT / "torchbend"}
    found.update({f"torchbend.{room}": ROOT / room for room in ROOMS})
    names = set()
    for name, folder in found.items():
        for init in folder.rglob("__init__.py"):
            parts = init.parent.relative_to(folder).parts
            if not (name == "torchbend" and parts and parts[0] in ROOMS):
                names.add(".".join((name, *parts)))
    return names


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for name in ("torchbend", *ROOMS):
        ignored = shutil.ignore_patterns("__pycache__", "*.egg-info", "*.so")
        shutil.copytree(ROOT / name, source / name, symlinks=True, ignore=ignored)
    return build(source, folder)


def build(source: Path, folder: Path, **env: str) -> Path:
    pip = (sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--quiet")
    run(*pip, "--wheel-dir", folder, source, cwd=folder, **env)
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_holds_every_package_once(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert [name for name, times in Counter(names).items() if times > 1] == []
    inits = [name for name in names if name.endswith("__init__.py")]
    assert {name.removesuffix("/__init__.py").replace("/", ".") for name in inits} == packages()
    assert "torchbend/py.typed" in names
    assert "torchbend/voice/voice.safetensors" in names
    assert "torchbend/interfaces/requirements/rave-nodeps.txt" in names
    assert {name.split("/")[0].split("-")[0] for name in names} == {"torchbend"}


def test_the_wheel_runs_where_only_it_is_installed(wheel: Path, tmp_path: Path) -> None:
    run(sys.executable, "-m", "venv", "--without-pip", "venv", cwd=tmp_path)
    python = tmp_path / "venv/bin/python"
    pip = (sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps")
    run(*pip, wheel, cwd=tmp_path)
    # torch and the rest come from this interpreter; a path file puts them after the wheel,
    # and does not carry the editable install of torchbend over.
    site = Path(run(python, "-c", "import site; print(site.getsitepackages()[0])", cwd=tmp_path))
    here = sysconfig.get_path("purelib")
    Path(str(site).strip(), "torch_of_the_tests.pth").write_text(here + "\n")
    code = "import torchbend, torchbend.export, torchbend.realtime.audio as r; print(r.__file__)"
    imported = Path(run(python, "-c", code, cwd=tmp_path).strip())
    assert imported.is_relative_to(tmp_path)
    assert run(tmp_path / "venv/bin/torchbend", "--version", cwd=tmp_path).startswith("torchbend ")


def test_one_wheel_serves_every_python(wheel: Path) -> None:
    """The compiled callback keeps to the stable interface, and comes with what describes it."""
    assert "-cp310-abi3-" in wheel.name
    inside = [name for name in zipfile.ZipFile(wheel).namelist() if "realtime/audio" in name]
    compiled = [name for name in inside if name.endswith((".so", ".pyd"))]
    assert compiled == ["torchbend/realtime/audio/_native.abi3.so"]
    assert "torchbend/realtime/audio/native/layout.h" in inside


def test_without_a_compiler_it_installs_and_plays(wheel: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"
    left_behind = shutil.ignore_patterns("build", "*.egg-info")
    shutil.copytree(wheel.parent / "source", source, symlinks=True, ignore=left_behind)
    built = build(source, tmp_path, CC="no-such-compiler")
    zipfile.ZipFile(built).extractall(tmp_path / "there")
    assert not list((tmp_path / "there").rglob("_native*"))
    code = (
        "from torchbend.realtime.audio import AudioMemory, AudioProcess, Device, is_native\n"
        "with AudioProcess(AudioMemory.create(48000), Device(output='none')) as process:\n"
        "    print(is_native(), process.playing.native)"
    )
    said = run(sys.executable, "-c", code, cwd=tmp_path, PYTHONPATH=str(tmp_path / "there"))
    assert said.split() == ["False", "False"]


@pytest.mark.parametrize("room", ROOMS)
def test_the_rooms_are_relative_links_for_tools(room: str) -> None:
    assert os.readlink(ROOT / "torchbend" / room) == f"../{room}"


def test_import_torchbend_brings_nothing_heavy() -> None:
    code = f"import sys, torchbend; print([name for name in {LAZY!r} if name in sys.modules])"
    assert run(sys.executable, "-c", code, cwd=ROOT / "tests").strip() == "[]"


def test_torchbend_imports_no_room_at_import_time() -> None:
    for path in (ROOT / "torchbend").rglob("*.py"):
        if path.relative_to(ROOT / "torchbend").parts[0] not in ROOMS:
            inside = {name for name in imports(path, "torchbend") if room_of(name) is not None}
            assert not inside, path


@pytest.mark.parametrize(("room", "other"), [ROOMS, ROOMS[::-1]])
def test_the_rooms_know_nothing_of_each_other(room: str, other: str) -> None:
    for path in (ROOT / room).rglob("*.py"):
        names = imports(path, f"torchbend.{room}", everywhere=True)
        assert not [name for name in names if room_of(name) == other], path


def room_of(module: str) -> str | None:
    return next((r for r in ROOMS if f"{module}.".startswith((f"torchbend.{r}.", f"{r}."))), None)


def imports(path: Path, package: str, *, everywhere: bool = False) -> set[str]:
    """The modules that a file imports when it is imported, or anywhere in it."""
    root = ROOT.joinpath(*package.split(".")[-1:])
    parents = [*package.split("."), *path.relative_to(root).parent.parts]
    names = set()
    for node in statements(ast.parse(path.read_text()), everywhere):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = parents[: len(parents) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            names |= {module, *(f"{module}.{alias.name}" for alias in node.names)}
    return names


def statements(tree: ast.AST, everywhere: bool) -> Iterator[ast.AST]:
    for node in ast.iter_child_nodes(tree):
        if everywhere or not runs_later_or_never(node):
            yield node
            yield from statements(node, everywhere)


def runs_later_or_never(node: ast.AST) -> bool:
    if isinstance(node, ast.If):  # read by type checkers alone
        return isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)


SKIPPING = """
import pytest

@pytest.mark.gpu
def test_gpu():
    pytest.skip("no device")

@pytest.mark.xfail
def test_known():
    raise RuntimeError

def test_plain():
    {plain}
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("plain", "no_skips", "status"),
    [("pass", "1", 0), ("pytest.skip('x')", "0", 0), ("pytest.skip('x')", "1", 1)],
)
def test_a_skip_fails_where_none_may_be(
    plain: str, no_skips: str, status: int, tmp_path: Path
) -> None:
    shutil.copy(ROOT / "tests/conftest.py", tmp_path)
    (tmp_path / "test_it.py").write_text(SKIPPING.format(plain=plain))
    assert run_pytest(tmp_path, no_skips) == status


@pytest.mark.slow
@pytest.mark.parametrize(("no_skips", "status"), [("0", 5), ("1", 2)])
def test_a_module_that_skips_itself_fails_too(no_skips: str, status: int, tmp_path: Path) -> None:
    shutil.copy(ROOT / "tests/conftest.py", tmp_path)
    (tmp_path / "test_it.py").write_text("import pytest\npytest.importorskip('no_such_module')\n")
    assert run_pytest(tmp_path, no_skips) == status


def run_pytest(folder: Path, no_skips: str) -> int:
    command = [sys.executable, "-m", "pytest", "-q", "-o", "markers=gpu", "-p", "no:cacheprovider"]
    env = {**os.environ, "TORCHBEND_NO_SKIPS": no_skips}
    return subprocess.run(
        [*command, "--rootdir", str(folder), str(folder)], cwd=folder, env=env, capture_output=True
    ).returncode
