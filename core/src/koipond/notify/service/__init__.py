"""Use-cases of messages, by group: kinds, sending, delivering, the centre, senders."""

from koipond.notify.service.centre import count_unread, find_centre, follow, mark_read
from koipond.notify.service.delivering import deliver
from koipond.notify.service.kinds import (
    find_kinds,
    find_templates,
    get_kind,
    reset_template,
    set_template,
)
from koipond.notify.service.moving import absorb, release
from koipond.notify.service.pruning import prune_messages
from koipond.notify.service.senders import RESERVED, check_senders, make_senders
from koipond.notify.service.sending import find_message, find_messages, retry_message, send

__all__ = [
    "RESERVED",
    "absorb",
    "check_senders",
    "count_unread",
    "deliver",
    "find_centre",
    "find_kinds",
    "find_message",
    "find_messages",
    "find_templates",
    "follow",
    "get_kind",
    "make_senders",
    "mark_read",
    "prune_messages",
    "release",
    "reset_template",
    "retry_message",
    "send",
    "set_template",
]
