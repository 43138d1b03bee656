"""Staff write templates in the place of the built-in ones; what could not be sent is refused."""

from typing import Any

import msgspec
import pytest
from core.tests.notify.postoffice import NOTE, PostOffice, kind, post_office

from koipond.notify.types import Variable
from koipond_sdk.testing import STAFF

pytestmark = pytest.mark.story

SET = """mutation($input: SetMessageTemplateInput!) { done: setMessageTemplate(input: $input) {
  template { medium locale subject body version } userErrors { code message } } }"""
RESET = """mutation($input: ResetMessageTemplateInput!) {
  done: resetMessageTemplate(input: $input) {
    templates { locale version } userErrors { code message } } }"""
KINDS = """{ messageKinds { key purpose category urgency ways variables { name kind optional }
  templates { medium locale body version } } }"""


async def write(office: PostOffice, body: str, **more: Any) -> dict[str, Any]:
    given = {
        "kind": NOTE.key,
        "medium": "EMAIL",
        "locale": "en",
        "subject": "S",
        "body": body,
        "expectedVersion": 0,
    }
    done: dict[str, Any] = (await office.staff(SET, input=given | more))["done"]
    return done


async def test_what_staff_write_is_sent_from_then_on(office: PostOffice) -> None:
    lin = await office.member()
    done = await write(office, "Staff say {{ word }}.")
    assert done == {
        "template": {
            "medium": "EMAIL",
            "locale": "en",
            "subject": "S",
            "body": "Staff say {{ word }}.",
            "version": 1,
        },
        "userErrors": [],
    }
    await office.ask(NOTE, lin, "one")
    await office.work()
    assert (await office.message()).version == 1
    taken = (await office.staff(RESET, input=_named(expectedVersion=1)))["done"]
    assert taken["templates"] == [{"locale": "en", "version": 0}, {"locale": "de", "version": 0}]
    await office.ask(NOTE, lin, "two")
    await office.work()
    assert office.pigeons.told == ["Staff say one.", "You said two."]


async def test_a_language_that_is_not_built_in_can_be_written(office: PostOffice) -> None:
    await write(office, "你说 {{ word }}。", locale="zh-Hans")
    await office.ask(NOTE, await office.member(locale="zh-Hans"), "tea")
    await office.work()
    assert office.pigeons.told == ["你说 tea。"]


async def test_what_could_not_be_sent_is_refused_and_changes_nothing(office: PostOffice) -> None:
    before = await office.shop.snapshot()
    refusals = [
        await write(office, "Dear {{ name }}"),
        await write(office, "{% for one in word %}{% endfor %}"),
        await write(office, "{{ word", kind="post.unknown"),
        await write(office, "x", medium="SMS"),
        await write(office, "x", locale="klingon-x"),
        await write(office, "x", expectedVersion=3),
        await write(office, "x", expectedVersion=-1),
        (await office.staff(RESET, input=_named(expectedVersion=0)))["done"],
    ]
    assert [one["userErrors"][0]["code"] for one in refusals] == [
        "TEMPLATE_VARIABLE_UNKNOWN",
        "TEMPLATE_INVALID",
        "MESSAGE_KIND_UNKNOWN",
        "TEMPLATE_INVALID",
        "LOCALE_UNKNOWN",
        "TEMPLATE_CHANGED",
        "TEMPLATE_CHANGED",
        "TEMPLATE_CHANGED",
    ]
    assert refusals[0]["userErrors"][0]["message"] == (
        "Messages of the kind post.note have no 'name'. Use {{ … }} with one of: word."
    )
    assert await office.shop.snapshot() == before


async def test_nobody_overwrites_what_they_have_not_seen(office: PostOffice) -> None:
    await write(office, "one")
    await write(office, "two", expectedVersion=1)
    refused = await write(office, "three", expectedVersion=1)
    assert refused["userErrors"] == [
        {
            "code": "TEMPLATE_CHANGED",
            "message": "The template of post.note is at version 2, you have seen 1. Read it again, "
            "then change it.",
        }
    ]
    assert (await write(office, "three", expectedVersion=2))["template"]["version"] == 3


async def test_staff_see_what_is_sent_and_what_it_may_tell(office: PostOffice) -> None:
    kinds = {one["key"]: one for one in (await office.staff(KINDS))["messageKinds"]}
    assert {"order.unpaid", "order.shipped", "order.refunded", "post.note"} <= set(kinds)
    assert kinds["post.note"]["variables"] == [{"name": "word", "kind": "TEXT", "optional": False}]
    assert kinds["post.both"]["ways"] == [["EMAIL", "SMS"], ["IN_APP"]]
    assert [one["locale"] for one in kinds["order.unpaid"]["templates"]] == ["en", "zh-Hans"] * 3


async def test_where_staffs_words_do_not_fit_any_more_the_built_in_ones_are_sent(
    database_url: str,
) -> None:
    variables = {"word": Variable(words="w"), "more": Variable(words="m")}
    older = kind("post.note", variables=variables)
    async with post_office(database_url, kinds=(older,)) as office:
        await write(office, "{{ word }} and {{ more }}")
    async with post_office(database_url, kinds=(NOTE,)) as office:
        await office.ask(NOTE, await office.member(), "hello")
        await office.work()
        assert office.pigeons.told == ["You said hello."]
        assert (await office.message()).version == 0


async def test_templates_are_for_who_may(office: PostOffice) -> None:
    other = msgspec.structs.replace(STAFF, permissions=frozenset({"order.read"}))
    answer = await office.shop.graphql(KINDS, viewer=other, admin=True)
    assert answer["errors"][0]["extensions"]["code"] == "PERMISSION_MISSING"


def _named(**more: Any) -> dict[str, Any]:
    return {"kind": NOTE.key, "medium": "EMAIL", "locale": "en", **more}
