"""docs/upgrading.md says what the code does: versions, refusals, what is read back."""

import re
import tomllib
from pathlib import Path

import msgspec
from tests.architecture.workspace import ROOT

from koipond.kernel.plugins import API, Manifest
from koipond.kernel.versions import within
from koipond_sdk import views

PAGE = (ROOT / "docs" / "upgrading.md").read_text(encoding="utf-8")
TOML = re.findall(r"^```toml\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)


def test_the_manifest_is_one() -> None:
    manifest = msgspec.toml.decode(TOML[0], type=Manifest)
    assert (manifest.name, manifest.table_prefix) == ("deal", "deal")
    assert within(API, manifest.api)


def test_a_later_range_does_not_run_here() -> None:
    assert not within(API, tomllib.loads(TOML[1])["api"])


def test_what_it_leads_to_is_there() -> None:
    led = re.findall(r"\]\(([^)#]+)\)", PAGE)
    assert len(led) >= 5
    assert [path for path in led if not (ROOT / "docs" / path).exists()] == []
    assert Path(ROOT / "sdk" / "tests" / "surface.txt").exists()


def test_views_are_of_the_version_that_it_names() -> None:
    assert {getattr(views, name).name[:7] for name in views.__all__} == {"koi_v1_"}
