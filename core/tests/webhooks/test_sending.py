"""Row 25 of the attacks: whatever an address says of itself, nothing inside is reached."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from urllib.parse import SplitResult

import pytest
import pytest_asyncio
from core.tests.webhooks.certificates import make_certificates
from core.tests.webhooks.receiver import HANG, LOCAL, Receiver, receiving

from koipond.webhooks import rules
from koipond.webhooks.errors import WebhookUrlInvalid
from koipond.webhooks.rules import address_problem, check_url, read_networks
from koipond.webhooks.service import Post
from koipond.webhooks.service.sending import resolve
from koipond.webhooks.types import Answer

pytestmark = pytest.mark.story

INSIDE = read_networks(LOCAL)
HEADERS = {"webhook-id": "evt_1"}
BODY = b'{"type":"OrderPlaced"}'
# What names of this machine, of its networks and of its cloud resolve to.
FORBIDDEN = [
    "127.0.0.1",
    "127.1.2.3",
    "0.0.0.0",
    "10.0.0.1",
    "100.64.0.1",
    "169.254.169.254",
    "172.16.0.1",
    "192.168.1.1",
    "192.0.2.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::a00:1",
    "2002:7f00:1::",
    "2001:0:7f00:1::",
    "fc00::1",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "2001:db8::1",
]
PUBLIC = ["93.184.215.14", "8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8"]


class Names:
    """A name server that says what it is told, one answer after the other."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, int]] = []

    async def resolve(self, host: str, port: int) -> Sequence[str]:
        self.asked.append((host, port))
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def post(*, networks: Sequence[rules.Network] = (), timeout_s: float = 5, **given: object) -> Post:
    return Post(timeout_s=timeout_s, networks=networks, **given)


async def send(by: Post, url: str) -> Answer:
    return await by.send(url, headers=HEADERS, body=BODY)


@pytest.mark.parametrize("address", FORBIDDEN)
def test_an_address_inside_is_refused(address: str) -> None:
    problem = address_problem(address, scheme="https", port=443, networks=())
    assert problem is not None
    assert problem.endswith("is not on the public internet")


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_may_be_told_of_things(address: str) -> None:
    assert address_problem(address, scheme="https", port=443, networks=()) is None


def test_a_public_address_is_told_by_https_and_by_no_port_of_a_system_service() -> None:
    for port in (22, 25, 80, 1023):
        assert address_problem("8.8.8.8", scheme="https", port=port, networks=()) is not None
    assert address_problem("8.8.8.8", scheme="https", port=8443, networks=()) is None
    assert address_problem("8.8.8.8", scheme="http", port=8080, networks=()) == "it is not https"


def test_only_the_networks_that_the_shop_names_are_open_inside() -> None:
    given = {"scheme": "http", "port": 80}
    open_ones = read_networks(["10.1.0.0/16"])
    assert address_problem("10.1.2.3", networks=open_ones, **given) is None
    assert address_problem("10.2.2.3", networks=open_ones, **given) is not None


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://example.org/", "it is not https"),
        ("ftp://example.org/", "it is no web address"),
        ("file:///etc/passwd", "it is no web address"),
        ("https://", "it is no web address"),
        ("https://example.org:0/", "it is no web address"),
        ("https://example.org:99999/", "it is no web address"),
        ("https://[::1/", "it is no web address"),
        ("https://me:secret@example.org/", "it holds a name, a password or a part behind #"),
        ("https://example.org/#part", "it holds a name, a password or a part behind #"),
        ("https://exa mple.org/", "it has characters that an address is written without"),
        ("https://example.org/\r\nHost: x", "it has characters that an address is written without"),
        ("https://bücher.example/", "it has characters that an address is written without"),
        ("https://127.0.0.1/", "127.0.0.1 is not on the public internet"),
        ("https://[::1]/", "::1 is not on the public internet"),
        ("https://169.254.169.254/latest/", "169.254.169.254 is not on the public internet"),
        (f"https://example.org/{'x' * 2_000}", "it has 2,020 characters, at most 2,000"),
    ],
)
def test_an_address_that_cannot_be_is_refused_when_it_is_given(url: str, reason: str) -> None:
    with pytest.raises(WebhookUrlInvalid) as refused:
        check_url(url, ())
    assert refused.value.reason.startswith(reason)


@pytest.mark.parametrize("host", ["0x7f.1", "2130706433", "0177.0.0.1", "127.1", "localhost"])
async def test_what_resolves_to_this_machine_is_refused_however_it_is_written(host: str) -> None:
    async with receiving() as receiver:
        answer = await send(post(), f"https://{host}:{receiver.port}/")
        assert (answer.status, receiver.heard) == (None, [])
        assert answer.problem is not None
        assert "is not on the public internet" in answer.problem


async def test_a_name_with_one_address_inside_among_several_is_refused() -> None:
    names = Names(["8.8.8.8", "10.0.0.1"])
    answer = await send(post(resolve=names.resolve), "https://half.example/")
    assert answer.problem == "half.example is refused: 10.0.0.1 is not on the public internet"


async def test_a_name_that_changes_between_two_questions_is_asked_once() -> None:
    # DNS rebinding: public when it is looked at, this machine when it is connected to.
    async with receiving() as receiver:
        names = Names(["127.0.0.2"], ["127.0.0.1"])
        by = post(networks=read_networks(["127.0.0.2/32"]), resolve=names.resolve)
        answer = await send(by, f"http://rebound.example:{receiver.port}/")
        # It went to 127.0.0.2, where nobody listens.
        assert (answer.status, receiver.heard) == (None, [])
        assert names.asked == [("rebound.example", receiver.port)]
        again = await send(by, f"http://rebound.example:{receiver.port}/")
        assert (
            again.problem == "rebound.example is refused: 127.0.0.1 is not on the public internet"
        )
        assert receiver.heard == []


@pytest.mark.parametrize("pinned", [True, False], ids=["the real one", "without the pin"])
async def test_the_connection_goes_to_what_was_looked_at(
    monkeypatch: pytest.MonkeyPatch, pinned: bool
) -> None:
    if not pinned:
        find = Post._find_address

        async def by_name(self: Post, parts: SplitResult) -> str:
            # Naive by one line: what is looked at is the address, what is connected to the name.
            await find(self, parts)
            return parts.hostname or ""

        monkeypatch.setattr(Post, "_find_address", by_name)
    async with receiving() as receiver:
        names = Names(["127.0.0.2"])
        by = post(networks=read_networks(["127.0.0.2/32"]), resolve=names.resolve)
        await send(by, f"http://localhost:{receiver.port}/")
        assert len(receiver.heard) == (0 if pinned else 1)


async def test_the_address_that_was_looked_at_is_connected_to_by_its_name() -> None:
    async with receiving() as receiver:
        by = post(networks=INSIDE, resolve=Names(["127.0.0.1"]).resolve)
        answer = await send(by, f"http://shop.example:{receiver.port}/a?b=c")
        assert (answer.status, answer.problem, answer.body) == (200, None, "ok")
        (heard,) = receiver.heard
        assert heard.headers["host"] == f"shop.example:{receiver.port}"
        assert heard.headers["webhook-id"] == "evt_1"
        assert heard.body == BODY


async def test_a_redirect_is_not_followed() -> None:
    async with receiving() as inside:
        told = {"status": 302, "extra": f"Location: {inside.url}\r\n"}
        async with receiving(**told) as receiver:
            answer = await send(post(networks=INSIDE), receiver.url)
            assert answer.status == 302
            assert answer.problem == "answered 302: redirects are not followed"
            assert (len(receiver.heard), inside.heard) == (1, [])


async def test_who_does_not_answer_is_left_in_time() -> None:
    async with receiving(status=HANG) as receiver:
        answer = await send(post(networks=INSIDE, timeout_s=0.2), receiver.url)
        assert answer.problem == "no answer within 0.2 s"


async def test_who_answers_for_ever_is_left_in_time_and_by_size() -> None:
    async def pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            while True:
                writer.write(b"400\r\n" + b"x" * 1_024 + b"\r\n")
                await writer.drain()
        except OSError:
            writer.close()

    server = await asyncio.start_server(pour, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    answer = await send(post(networks=INSIDE, timeout_s=30), f"http://127.0.0.1:{port}/")
    server.close()
    assert (answer.status, answer.problem, answer.body) == (200, None, "x" * 500)


async def test_what_a_receiver_says_can_be_stored_and_logged() -> None:
    body = b"\x00\xff\r\nINFO forged\x1b[31m"
    async with receiving(body=body) as receiver:
        answer = await send(post(networks=INSIDE), receiver.url)
    assert answer.body == " �  INFO forged [31m"


async def test_who_is_not_there_is_a_problem_and_no_error() -> None:
    async with receiving() as receiver:
        pass
    answer = await send(post(networks=INSIDE), receiver.url)
    assert answer.status is None
    assert answer.problem is not None
    assert answer.problem.startswith("ConnectError")
    nowhere = await send(post(), "https://nowhere.invalid/")
    assert nowhere.status is None


async def test_proxies_of_the_environment_are_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    async with receiving() as receiver, receiving() as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
        monkeypatch.setenv("ALL_PROXY", f"http://127.0.0.1:{proxy.port}")
        assert (await send(post(networks=INSIDE), receiver.url)).status == 200
        assert (len(receiver.heard), proxy.heard) == (1, [])


class TestTls:
    """The name of the address is what a certificate must be for, though an address is connected."""

    @pytest_asyncio.fixture
    async def receiver(self, tmp_path: Path) -> AsyncIterator[Receiver]:
        self.trust, served = make_certificates(tmp_path, "shop.example")
        async with receiving(tls=served) as made:
            yield made

    async def test_a_certificate_of_the_name_is_taken(self, receiver: Receiver) -> None:
        by = self._post(self.trust)
        answer = await send(by, f"https://shop.example:{receiver.port}/")
        assert (answer.status, answer.problem) == (200, None)

    async def test_a_certificate_of_another_name_is_refused(self, receiver: Receiver) -> None:
        by = self._post(self.trust)
        answer = await send(by, f"https://other.example:{receiver.port}/")
        assert (answer.status, receiver.heard) == (None, [])
        assert answer.problem is not None
        assert "CERTIFICATE_VERIFY_FAILED" in answer.problem

    async def test_a_certificate_that_nobody_knows_is_refused(self, receiver: Receiver) -> None:
        answer = await send(self._post(None), f"https://shop.example:{receiver.port}/")
        assert (answer.status, receiver.heard) == (None, [])

    def _post(self, trust: ssl.SSLContext | None) -> Post:
        return post(networks=INSIDE, resolve=Names(["127.0.0.1"]).resolve, trust=trust)


async def test_the_systems_own_resolver_reads_old_ways_of_writing() -> None:
    assert await resolve("0x7f.1", 443) == ["127.0.0.1"]
