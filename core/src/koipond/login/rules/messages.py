"""What is written to who logs in, registers, or forgot how. Codes and tokens are never kept."""

from collections.abc import Mapping
from datetime import timedelta

from koipond.kernel.texts import Locale
from koipond.notify.types import (
    Medium,
    MessageKind,
    MessageText,
    Purpose,
    Urgency,
    Variable,
    VariableKind,
)

_EN, _ZH = Locale("en"), Locale("zh-Hans")
_CODE = Variable(words="the code", secret=True)
_TOKEN = Variable(words="the token, which a link to a page may carry", secret=True)
_UNTIL = Variable(words="until when it holds", kind=VariableKind.TIME)


def _texts(
    subjects: Mapping[Locale, str], bodies: Mapping[Locale, str]
) -> dict[Medium, dict[Locale, MessageText]]:
    long = {one: MessageText(subject=subjects[one], body=bodies[one]) for one in subjects}
    short = {one: MessageText(body=" ".join(text.split("\n\n"))) for one, text in bodies.items()}
    return {Medium.EMAIL: long, Medium.SMS: short}


def _kind(
    key: str,
    words: str,
    act: str,
    texts: tuple[Mapping[Locale, str], Mapping[Locale, str]],
    variables: Mapping[str, Variable],
) -> MessageKind:
    """texts: (subjects, bodies)."""
    return MessageKind(
        key=key,
        words=words,
        act=act,
        purpose=Purpose.TRANSACTIONAL,
        category="login",
        # At night too: who waits for a code is awake.
        urgency=Urgency.URGENT,
        ways=((Medium.EMAIL, Medium.SMS),),
        keep=timedelta(hours=1),
        variables=variables,
        texts=_texts(*texts),
    )


CODE = _kind(
    "login.code",
    "A code to log in by, or to finish a registration.",
    "They asked for a code.",
    (
        {_EN: "Your code", _ZH: "您的验证码"},
        {
            _EN: "Your code is {{ code }}. It holds until {{ until }}.\n\n"
            "Tell it nobody. If you did not ask for it, you need do nothing.",
            _ZH: "您的验证码是 {{ code }}，{{ until }} 前有效。\n\n"
            "请勿告诉他人；如非本人操作，请忽略。",
        },
    ),
    {"code": _CODE, "until": _UNTIL},
)
REGISTERED = _kind(
    "login.registered",
    "A code to log in by, for who registers with an address that has an account already.",
    "Somebody registered with their address.",
    (
        {_EN: "You have an account already", _ZH: "您已有账户"},
        {
            _EN: "Somebody registered with your address, which has an account already. To log "
            "in to it "
            "use the code {{ code }}. It holds until {{ until }}.\n\n"
            "Tell it nobody. If it was not you, you need do nothing.",
            _ZH: "有人使用您的地址注册，而该地址已有账户。"
            "如需登录，验证码是 {{ code }}，{{ until }} 前有效。"
            "\n\n请勿告诉他人；如非本人操作，请忽略。",
        },
    ),
    {"code": _CODE, "until": _UNTIL},
)
RESET = _kind(
    "login.reset",
    "A token to set a new password by.",
    "They asked for a new password.",
    (
        {_EN: "Set a new password", _ZH: "重设密码"},
        {
            _EN: "To set a new password use this token until {{ until }}:\n\n{{ token }}\n\n"
            "If you did not ask for it, you need do nothing.",
            _ZH: "请在 {{ until }} 前使用以下令牌重设密码：\n\n{{ token }}\n\n如非本人操作，"
            "请忽略。",
        },
    ),
    {"token": _TOKEN, "until": _UNTIL},
)
NO_ACCOUNT = _kind(
    "login.no_account",
    "There is no account with the address that a new password was asked for.",
    "Somebody asked for a new password with their address.",
    (
        {_EN: "There is no account with this address", _ZH: "该地址没有账户"},
        {
            _EN: "Somebody asked for a new password, but there is no account with this address. "
            "Perhaps yours has another one.\n\nIf it was not you, you need do nothing.",
            _ZH: "有人为该地址申请重设密码，但该地址没有账户，您可能使用了其他地址。\n\n"
            "如非本人操作，请忽略。",
        },
    ),
    {},
)
EMAIL_CHANGE = _kind(
    "login.email_change",
    "A token that shows that a new e-mail address is theirs.",
    "They asked for another e-mail address.",
    (
        {_EN: "Confirm your new address", _ZH: "确认您的新邮箱"},
        {
            _EN: "To use this address for your account confirm it with this token until {{ "
            "until }}:"
            "\n\n{{ token }}\n\nIf you did not ask for it, you need do nothing.",
            _ZH: "请在 {{ until }} 前使用以下令牌确认新邮箱：\n\n{{ token }}\n\n如非本人操作，"
            "请忽略。",
        },
    ),
    {"token": _TOKEN, "until": _UNTIL},
)
ADDRESS_WANTED = _kind(
    "login.address_wanted",
    "Another account asked for their address.",
    "Somebody asked for their address for another account.",
    (
        {_EN: "Your address was asked for", _ZH: "有人申请使用您的邮箱"},
        {
            _EN: "Another account asked to use this address, which is yours. Nothing was "
            "changed.\n\n"
            "If it was you, log in with this address instead.",
            _ZH: "另一个账户申请使用您的邮箱，未作任何更改。\n\n如为本人操作，"
            "请直接使用该邮箱登录。",
        },
    ),
    {},
)
CHANGED = _kind(
    "login.changed",
    "Their password or their address was changed.",
    "They changed it, or somebody who has their account.",
    (
        {_EN: "Your account was changed", _ZH: "您的账户已更改"},
        {
            _EN: "The password or the address of your account was changed just now.\n\n"
            "If it was not you, set a new password at once.",
            _ZH: "您账户的密码或邮箱刚刚被更改。\n\n如非本人操作，请立即重设密码。",
        },
    ),
    {},
)
MESSAGE_KINDS = (CODE, REGISTERED, RESET, NO_ACCOUNT, EMAIL_CHANGE, ADDRESS_WANTED, CHANGED)
