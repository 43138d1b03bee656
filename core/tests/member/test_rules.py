"""What a contact looks like, without a database."""

import pytest

from koipond.member.errors import ContactInvalid
from koipond.member.rules import normalise_contact
from koipond.member.types import EMAIL, PHONE, Contact


def test_addresses_are_kept_in_one_form() -> None:
    contact = normalise_contact(name=" Lin ", email=" Lin@Example.ORG ", phone="+86 138-0000 0000")
    assert contact == Contact(name="Lin", email="lin@example.org", phone="+8613800000000")
    assert contact.identities == [
        (EMAIL, "lin@example.org"),
        (PHONE, "+8613800000000"),
    ]


@pytest.mark.parametrize(
    ("email", "phone", "at"),
    [
        (None, None, None),
        ("", "", None),
        ("lin", None, "contact.email"),
        ("lin@localhost", None, "contact.email"),
        ("lin@example.org\nBcc: all@example.org", None, "contact.email"),
        ("a" * 310 + "@example.org", None, "contact.email"),
        (None, "abc", "contact.phone"),
        (None, "+" + "1" * 16, "contact.phone"),
    ],
)
def test_a_contact_that_reaches_nobody_is_refused(
    email: str | None, phone: str | None, at: str | None
) -> None:
    with pytest.raises(ContactInvalid) as refused:
        normalise_contact(name="", email=email, phone=phone)
    assert refused.value.at == at


def test_a_name_of_201_characters_is_refused() -> None:
    with pytest.raises(ContactInvalid, match="201 characters, at most 200"):
        normalise_contact(name="x" * 201, email="lin@example.org", phone=None)
