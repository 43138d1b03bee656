"""What mypy --strict knows of the sdk: a sound plugin passes, a wrong one is refused by line."""

import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

from koipond_sdk import implement, specs

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SOUND, WRONG = HERE / "typed" / "sound.py", HERE / "typed" / "wrong.py"
EXPECTED = re.compile(r"# E: (.*)$")
SAID = re.compile(r"^\S+?:(\d+): error: (.*)$", re.MULTILINE)
REVEALED = re.compile(r'note: Revealed type is "def \((.*)\)(?: -> (.*))?"')


def check(*files: Path) -> str:
    """Return what mypy says of files, as it is called by an author."""
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", *map(str, files)]
    ran = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    assert ran.stderr == ""
    return ran.stdout


@pytest.mark.slow
def test_a_plugin_that_uses_all_of_it_is_clean() -> None:
    assert check(SOUND) == ""


@pytest.mark.slow
def test_what_is_wrong_is_refused_where_it_stands() -> None:
    lines = enumerate(WRONG.read_text(encoding="utf-8").splitlines(), 1)
    expected = {place: found[1] for place, line in lines if (found := EXPECTED.search(line))}
    said: dict[int, str] = {}
    for place, words in SAID.findall(check(WRONG)):
        said[int(place)] = f"{said.get(int(place), '')} {words}"
    assert said.keys() == expected.keys()
    assert {place: words for place, words in expected.items() if words not in said[place]} == {}


@pytest.mark.slow
def test_every_hook_has_its_arguments_and_their_types(tmp_path: Path) -> None:
    asking = "\n".join(f"reveal_type(specs.{name})" for name in specs.__all__)
    file = tmp_path / "asking.py"
    file.write_text(f"from koipond_sdk import specs\n{asking}\n", encoding="utf-8")
    revealed = REVEALED.findall(check(file))
    assert len(revealed) == len(specs.__all__)
    for name, (given, returned) in zip(specs.__all__, revealed, strict=True):
        told = dict(one.split(": ", 1) for one in re.split(r", (?=\w+: )", given) if one)
        assert list(told) == list(inspect.signature(getattr(specs, name)).parameters), name
        assert {one for one, kind in told.items() if kind == "Any"} <= {"inputs"}, name
        assert returned != "Any", name


def test_a_function_of_another_name_than_its_hook_is_refused() -> None:
    with pytest.raises(ValueError, match="paid is marked as an implementation of order_confirmed"):

        @implement(specs.order_confirmed)
        async def paid(ctx: object, event: object) -> None: ...


def test_every_hook_of_core_is_there() -> None:
    from koipond import hooks

    declared = [name for name, one in vars(hooks).items() if hasattr(one, "koi_declared")]
    assert sorted(declared) == specs.__all__
