"""`koi dev --reload`, as a process: what is saved is served, mistakes are shown, nothing stays."""

import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx2
import pytest
from core.tests.cli.folder import write_shop
from core.tests.cli.test_serving import Process

from koipond.cli.reloading import find_core_folders, find_folders, look

HOOKS = """
import strawberry

from koipond_sdk import implement
from koipond_sdk.schema import PUBLIC, Api, Info, Query, query


@strawberry.type
class HelloQueries:
    @query(PUBLIC)
    async def hello(self, info: Info) -> str:
        \"\"\"A word.\"\"\"
        return "{word}"


@implement()
def register_graphql(api: Api) -> None:
    \"\"\"Say it.\"\"\"
    api.storefront(Query, HelloQueries)
"""
MANIFEST = """
name = "hello"
version = "0.1.0"
api = "0.1"
table_prefix = "hello"
queries = ["hello"]
"""
HTTP = httpx2.Client(timeout=60)


@pytest.fixture
def hooks(tmp_path: Path) -> Path:
    """The hooks of a plugin that is found, as an editable one is, in the folder of a shop."""
    write_shop(tmp_path)
    package = tmp_path / "koipond_hello"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "plugin.toml").write_text(MANIFEST)
    metadata = tmp_path / "koipond_hello-0.1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: koipond-hello\nVersion: 0.1\n")
    (metadata / "entry_points.txt").write_text("[koipond.plugins]\nhello = koipond_hello.hooks\n")
    file = package / "hooks.py"
    file.write_text(HOOKS.format(word="one"))
    return file


@pytest.fixture
def reloading(hooks: Path, tmp_path: Path) -> Iterator[Process]:
    process = Process(tmp_path, "dev", "--reload", "--port", "0", PYTHONPATH=str(tmp_path))
    yield process
    if process.process.poll() is None:
        # It ends its child.
        process.end()


def wait_for_word(address: str, word: str) -> None:
    """Ask until that is the answer. A connection may end while it is used; none is refused."""
    seen = set()
    deadline = time.monotonic() + 90
    while word not in seen and time.monotonic() < deadline:
        with suppress(httpx2.ReadError, httpx2.RemoteProtocolError):
            answer = HTTP.post(address, json={"query": "{ hello }"}).json()
            seen.add(answer["data"]["hello"])
        time.sleep(0.05)
    assert word in seen


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_what_is_saved_is_served_and_a_mistake_is_shown_until_it_is_mended(
    reloading: Process, hooks: Path
) -> None:
    address = reloading.wait_for(r"Storefront +(http://127\.0\.0\.1:\d+/graphql) ")[1]
    wait_for_word(address, "one")
    # Of the same length, perhaps in the same second.
    hooks.write_text(HOOKS.format(word="two"))
    wait_for_word(address, "two")
    assert "koipond_hello/hooks.py changed: begin again" in reloading.text
    hooks.write_text(HOOKS.format(word="two") + "def broken(:\n")
    reloading.wait_for("The next change of a file begins it again")
    reloading.wait_for(r"importing koipond_hello\.hooks raised SyntaxError")
    hooks.write_text(HOOKS.format(word="six"))
    wait_for_word(address, "six")
    begun = below(reloading.process.pid)
    assert len(begun) == 2
    assert reloading.end() == 0
    assert reloading.text.endswith("Stopped.\n")
    assert [one for one in begun if Path(f"/proc/{one}").exists()] == []
    with pytest.raises(httpx2.TransportError):
        HTTP.post(address, json={"query": "{ hello }"})


def test_of_a_shop_s_folder_its_source_counts_and_nothing_else(tmp_path: Path) -> None:
    for name in (
        "shop.py",
        "koi.toml",
        "koi.db",
        "plugins/mine/hooks.py",
        ".venv/lib/x.py",
        "venv/lib/x.py",
        "plugins/__pycache__/x.py",
        "node_modules/x/setup.py",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    seen = {Path(path).relative_to(tmp_path).as_posix() for path in look([tmp_path])}
    assert seen == {"shop.py", "koi.toml", "plugins/mine/hooks.py"}


def test_core_the_sdk_and_editable_plugins_are_looked_at(tmp_path: Path) -> None:
    assert {folder.name for folder in find_core_folders()} == {"koipond", "koipond_sdk"}
    folders = find_folders(tmp_path)
    assert {tmp_path.name, "koipond_checkin", "koipond_points"} <= {one.name for one in folders}
    assert not {*folders} & {*find_core_folders()}
    assert [one for one in folders if "site-packages" in one.parts] == []


def below(process: int) -> list[int]:
    """Return the ids of a process's children, and of theirs."""
    text = Path(f"/proc/{process}/task/{process}/children").read_text()
    return [one for child in map(int, text.split()) for one in (child, *below(child))]
