"""Use-cases of logins."""

from koipond.login.service.carrying import absorb, forget, release
from koipond.login.service.codes import log_in_with_code, register, request_login_code
from koipond.login.service.emails import confirm_email_change, request_email_change
from koipond.login.service.messages import MESSAGE_KINDS
from koipond.login.service.passwords import (
    change_password,
    log_in,
    request_password_reset,
    reset_password,
)
from koipond.login.service.presence import check_presence
from koipond.login.service.providers import log_in_with_provider, login_providers
from koipond.login.service.sessions import (
    check_login,
    end_session,
    end_sessions,
    find_sessions,
    heed_ends,
    log_out,
    prune_logins,
    refresh_login,
)
from koipond.login.service.staff import (
    change_staff_password,
    end_of_disabled,
    log_in_staff,
    set_staff_password,
)

__all__ = [
    "MESSAGE_KINDS",
    "absorb",
    "change_password",
    "change_staff_password",
    "check_login",
    "check_presence",
    "confirm_email_change",
    "end_of_disabled",
    "end_session",
    "end_sessions",
    "find_sessions",
    "forget",
    "heed_ends",
    "log_in",
    "log_in_staff",
    "log_in_with_code",
    "log_in_with_provider",
    "log_out",
    "login_providers",
    "prune_logins",
    "refresh_login",
    "register",
    "release",
    "request_email_change",
    "request_login_code",
    "request_password_reset",
    "reset_password",
    "set_staff_password",
]
