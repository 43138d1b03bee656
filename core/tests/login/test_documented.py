"""docs/members.md: what it shows is run, in its order, in a shop with the plugin that it shows."""

import re
from pathlib import Path
from types import ModuleType

import pytest
from core.tests.login.gate import AMPLE, Gate, gate_plugin

from koipond import settings
from koipond.kernel.plugins import Manifest, Plugin
from koipond.notify.types import OutgoingMessage
from koipond.settings import Settings
from koipond_sdk.testing.shop import running_shop

pytestmark = pytest.mark.one_database
TEXT = (Path(__file__).parents[3] / "docs" / "members.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"(?:<!-- with: ([\w, ]+) -->\n)?```(\w+)\n(.*?)```", TEXT, re.DOTALL)


def shown_plugin() -> Plugin:
    module = ModuleType("shown_heron.hooks")
    ((_, _, source),) = [one for one in BLOCKS if one[1] == "python"]
    exec(compile(source, "docs/members.md", "exec"), vars(module))
    manifest = Manifest(name="shown", version="1", api="0.1", table_prefix="shown")
    folder = Path(__file__).parent
    return Plugin(manifest=manifest, package="shown_heron", folder=folder, hooks=module)


@pytest.mark.slow
async def test_what_is_shown_is_answered(database_url: str) -> None:
    sent: list[OutgoingMessage] = []
    carrier = gate_plugin(sent, {})
    delattr(carrier.hooks, "login_prove")
    given = {"mail_sender": "catch", "sms_sender": "catch", "rate_limits": AMPLE}
    async with running_shop(database_url, plugins=[carrier, shown_plugin()], **given) as shop:
        gate, said = Gate(shop, sent), dict[str, str]()
        asked = [(names, text) for names, kind, text in BLOCKS if kind == "graphql"]
        for names, document in asked:
            wanted = names.split(", ") if names else []
            for word in wanted:
                if word in {"code", "token"}:
                    said[word] = await (gate.code() if word == "code" else gate.token())
            access = said["access"] if document.startswith("# as the member") else None
            variables = {word: said[word] for word in wanted}
            headers = {"Authorization": f"Bearer {access}"} if access else {}
            body = {"query": document, "variables": variables}
            response = await shop.http.post("/graphql", json=body, headers=headers)
            answer = response.json()
            assert "errors" not in answer, (document, answer)
            (payload,) = answer["data"].values()
            assert payload.get("userErrors", []) == [], document
            told = {
                "registration": payload.get("registration"),
                "access": payload.get("accessToken"),
                "refresh": payload.get("refreshToken"),
            }
            said |= {word: one for word, one in told.items() if one}
    assert len(asked) == 12


def test_the_settings_that_are_shown_are_read(tmp_path: Path) -> None:
    ((_, _, text),) = [one for one in BLOCKS if one[1] == "toml"]
    file = tmp_path / "koi.toml"
    file.write_text(text, encoding="utf-8")
    loaded = settings.load(file, {})
    assert (loaded.rate_limits[0].times, loaded.trusted_proxies) == (10, ("10.0.0.0/8",))


def test_the_limits_that_are_shown_are_those_that_hold() -> None:
    shown = {}
    for operation, account, address in re.findall(
        r"^\| `(\w+)` \|[^|]+\|([^|]*)\|([^|]*)\|$", TEXT, re.MULTILINE
    ):
        for per, cell in (("account", account), ("address", address)):
            found = re.fullmatch(r"([\d,]+) in (\d+) min", cell.strip())
            if found:
                times = int(found[1].replace(",", ""))
                shown[operation, per] = (times, int(found[2]) * 60)
    assert shown == {
        (one.operation, one.per): (one.times, one.seconds) for one in Settings().rate_limits
    }
