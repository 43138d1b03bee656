"""What an installed koipond has and does: wheels in an environment without this checkout."""

import contextlib
import socket
import subprocess
import sys
import time
import tomllib
import zipfile
from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import httpx2
import pytest
from tests.packaging.building import (
    PACKAGES,
    ROOT,
    UV,
    build_wheels,
    make_environment,
    outside,
    run,
)

from koipond.graphql.assets import ASSETS

PLUGINS = ("checkin", "flashsale", "groupbuy", "oidc", "points", "promotions", "wechat")
INSTALLED = ("koipond", "koipond_sdk", *(f"koipond_{name}" for name in PLUGINS))
MANIFESTS = sorted((ROOT / "plugins").glob("*/src/*/plugin.toml"))
CUSTOM = ROOT / "examples" / "custom_plugin"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """{name of the import package: its wheel}, one for each package of the workspace."""
    return build_wheels(tmp_path_factory.mktemp("wheels"))


@pytest.fixture(scope="module")
def environment(wheels: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of programs of a new environment with koipond, its sdk and its plugins."""
    home = tmp_path_factory.mktemp("environment")
    lock = ROOT / "requirements" / "run.txt"
    return make_environment(home, lock, [wheels[name] for name in INSTALLED])


def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_there_is_one_wheel_for_each_package(wheels: dict[str, Path]) -> None:
    assert len(wheels) == len(PACKAGES)
    for name, wheel in wheels.items():
        found = names(wheel)
        assert f"{name}/py.typed" in found
        assert any(entry.endswith("licenses/LICENSE") for entry in found)
        # But for those that a new plugin begins with.
        tests = [entry for entry in found if "/tests/" in entry and "/scaffold/" not in entry]
        assert tests == []


def test_the_wheel_of_core_carries_graphiql_and_its_licences(wheels: dict[str, Path]) -> None:
    found = names(wheels["koipond"])
    static = {entry.rpartition("/")[2] for entry in found if "graphql/static/" in entry}
    assert static == {*ASSETS, "NOTICE", "LICENSE.graphene-django-graphiql-static"}
    assert "koipond/graphql/graphiql.html" in found


def test_the_build_packs_what_the_package_serves() -> None:
    spec = spec_from_file_location("hatch_build", ROOT / "core" / "hatch_build.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    assert set(module.FILES) == set(ASSETS)


def test_wheels_carry_the_migrations_of_the_checkout(wheels: dict[str, Path]) -> None:
    for package in PACKAGES:
        for source in (package / "src").iterdir():
            revisions = {
                str(file.relative_to(package / "src"))
                for file in source.glob("migrations/versions/*.py")
            }
            assert revisions <= names(wheels[source.name])
    assert any("migrations/versions/" in entry for entry in names(wheels["koipond"]))


def test_the_wheel_of_a_plugin_carries_its_manifest(wheels: dict[str, Path]) -> None:
    plugins = [name for name in wheels if name not in {"koipond", "koipond_sdk"}]
    assert {"koipond_checkin", "koipond_flashsale"} <= set(plugins)
    for name in plugins:
        assert f"{name}/plugin.toml" in names(wheels[name])


def test_the_installed_koi_says_its_version(environment: Path, tmp_path: Path) -> None:
    project = tomllib.loads((ROOT / "core" / "pyproject.toml").read_text())["project"]
    assert project["version"] in run([environment / "koi", "--version"], cwd=tmp_path)


def test_an_installed_shop_answers_with_its_plugins_in_its_schema(
    environment: Path, tmp_path: Path
) -> None:
    run([environment / "koi", "migrate"], cwd=tmp_path)
    with serving(environment, tmp_path) as address:
        schema = ask(address, "{ __schema { queryType { fields { name } } } }")["__schema"]
    fields = {field["name"] for field in schema["queryType"]["fields"]}
    manifests = [tomllib.loads(path.read_text()) for path in MANIFESTS]
    # The first of each is for everybody; some of the others are for staff.
    queries = {manifest["queries"][0] for manifest in manifests if manifest.get("queries")}
    assert queries >= {"checkInStatus", "flashSaleRounds"}
    assert queries <= fields


def test_an_installed_shop_finds_a_plugin_that_no_workspace_knows(
    environment: Path, tmp_path: Path
) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path]
    run(build, cwd=CUSTOM)
    (wheel,) = tmp_path.glob("koipond_giftnote-*.whl")
    install = [UV, "pip", "install", "--offline", "--no-deps", "--python", environment / "python"]
    run([*install, wheel], cwd=tmp_path)
    run([UV, "pip", "check", "--python", environment / "python"], cwd=tmp_path)
    run([environment / "koi", "migrate"], cwd=tmp_path)
    with serving(environment, tmp_path) as address:
        found = ask(address, '{ __type(name: "LinePluginsInput") { inputFields { name } } }')
    assert {"name": "giftNote"} in found["__type"]["inputFields"]


def ask(address: str, query: str) -> dict:
    answer = httpx2.post(f"{address}/graphql", json={"query": query}, timeout=10)
    body = answer.json()
    assert "errors" not in body, body
    return body["data"]


@contextlib.contextmanager
def serving(environment: Path, folder: Path) -> Iterator[str]:
    """Run `koi serve` in `folder` and lend its address; on the way out it must end by itself."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = folder / "serve.log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            [environment / "koi", "serve", "--port", str(port)],
            cwd=folder,
            # Not in production: its schema may be asked for.
            env=outside(KOI_PRODUCTION="false"),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_for(port, server, log)
        yield f"http://127.0.0.1:{port}"
        server.terminate()
        server.wait(15)
    finally:
        server.kill()
        server.wait()


def wait_for(port: int, server: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and server.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise AssertionError(f"koi serve does not answer: {log.read_text(errors='replace')}")
