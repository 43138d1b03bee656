import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog
from structlog.testing import capture_logs

from koipond.kernel.logs import HIDDEN, configure, redact
from koipond_sdk.testing import RunningShop


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """What the logs of production are written to."""
    root = logging.getLogger()
    handlers, level, before = root.handlers, root.level, structlog.get_config()
    written = io.StringIO()
    configure(production=True, stream=written)
    yield written
    root.handlers, root.level = handlers, level
    structlog.configure(**before)


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_what_names_a_secret_is_hidden_at_any_depth() -> None:
    line = {
        "event": "called",
        "Authorization": "Bearer abc",
        "payload": {"api_token": "abc", "items": [{"new_password": "abc", "sku": "TEA"}]},
        "webhook_secret": "abc",
        "Set-Cookie": "abc",
        "note": "sent Bearer abc.def-ghi to them",
    }
    assert redact(None, "info", line) == {
        "event": "called",
        "Authorization": HIDDEN,
        "payload": {"api_token": HIDDEN, "items": [{"new_password": HIDDEN, "sku": "TEA"}]},
        "webhook_secret": HIDDEN,
        "Set-Cookie": HIDDEN,
        "note": f"sent Bearer {HIDDEN} to them",
    }


def test_production_writes_one_json_object_a_line(stream: io.StringIO) -> None:
    structlog.get_logger("koipond").info("sold", sku="TEA-1\nforged", token="abc")
    (line,) = lines(stream)
    assert (line["event"], line["sku"], line["token"]) == ("sold", "TEA-1\nforged", HIDDEN)
    assert line["level"] == "info"
    assert str(line["timestamp"]).endswith("Z")


def test_logs_of_libraries_go_the_same_way(stream: io.StringIO) -> None:
    logging.getLogger("uvicorn.error").warning("sent Bearer %s", "abc")
    (line,) = lines(stream)
    assert (line["event"], line["logger"]) == (f"sent Bearer {HIDDEN}", "uvicorn.error")


def test_a_traceback_shows_no_local_variable(stream: io.StringIO) -> None:
    card_number = "4111"
    try:
        raise ValueError("declined")
    except ValueError:
        structlog.get_logger("koipond").exception("failed")
    (line,) = lines(stream)
    assert "ValueError: declined" in str(line["exception"])
    assert card_number not in stream.getvalue()


def test_configuring_twice_writes_once(stream: io.StringIO) -> None:
    configure(production=True, stream=stream)
    structlog.get_logger("koipond").info("sold")
    assert len(lines(stream)) == 1


async def test_a_request_has_an_id_in_its_answer_and_its_log(shop: RunningShop) -> None:
    with capture_logs(processors=[structlog.contextvars.merge_contextvars]) as logs:
        response = await shop.http.get("/graphql?query={__typename}&token=abc")
    (line,) = logs
    assert line["request_id"] == response.headers["X-Request-Id"]
    assert (line["method"], line["path"], line["status"]) == ("GET", "/graphql", 200)


async def test_an_id_that_the_caller_gave_is_kept(shop: RunningShop) -> None:
    response = await shop.http.get("/nowhere", headers={"X-Request-Id": "order-42/try:1"})
    assert (response.status_code, response.headers["X-Request-Id"]) == (404, "order-42/try:1")


@pytest.mark.one_database
@pytest.mark.parametrize("given", ["", "two words", "x" * 129, '"}', "é"])
async def test_an_id_that_could_forge_a_log_line_is_replaced(shop: RunningShop, given: str) -> None:
    response = await shop.http.get("/health", headers={"X-Request-Id": given.encode("latin-1")})
    assert response.headers["X-Request-Id"] != given
    assert len(response.headers["X-Request-Id"]) == 36


async def test_being_watched_fills_no_log(shop: RunningShop) -> None:
    with capture_logs() as logs:
        await shop.http.get("/health")
        await shop.http.get("/ready")
    assert logs == []


@pytest.mark.one_database
async def test_in_production_the_line_of_a_request_is_as_every_other(
    shop: RunningShop, stream: io.StringIO
) -> None:
    path = "/nowhere/Bearer%20abc/%0d%0a%22"
    response = await shop.http.get(path, headers={"X-Request-Id": "order-42"})
    structlog.get_logger("koipond").info("request", method="GET")
    line, other = [one for one in lines(stream) if one["event"] == "request"]
    assert {key: line[key] for key in ("request_id", "method", "status", "path")} == {
        "request_id": "order-42",
        "method": "GET",
        "status": response.status_code,
        "path": f'/nowhere/Bearer {HIDDEN}\r\n"',
    }
    assert set(line) - set(other) == {"request_id", "path", "status", "milliseconds"}
    for key in ("event", "level", "logger"):
        assert line[key] == other[key]
    assert str(line["timestamp"]) <= str(other["timestamp"])
    assert len(str(line["timestamp"])) == len(str(other["timestamp"]))
