"""Use-cases of staff, by group: who may do what, people, roles, the tokens of programs."""

from koipond.staff.service.people import (
    change_staff,
    create_admin,
    create_staff,
    disable_staff,
    enable_staff,
    find_by_email,
    find_page,
    find_staff,
)
from koipond.staff.service.roles import find_permissions, find_roles, remove_role, set_role
from koipond.staff.service.standing import find_active, recognise, recognise_program
from koipond.staff.service.tokens import create_token, find_person, find_tokens, revoke_token

__all__ = [
    "change_staff",
    "create_admin",
    "create_staff",
    "create_token",
    "disable_staff",
    "enable_staff",
    "find_active",
    "find_by_email",
    "find_page",
    "find_permissions",
    "find_person",
    "find_roles",
    "find_staff",
    "find_tokens",
    "recognise",
    "recognise_program",
    "remove_role",
    "revoke_token",
    "set_role",
]
