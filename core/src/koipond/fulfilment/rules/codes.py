"""Pick-up codes: derived, so that they are stored nowhere; each counts once."""

import hmac

from koipond.kernel.ids import FulfilmentId

# How many wrong codes may be tried before none counts any more.
CODE_ATTEMPTS = 5
_LENGTH = 8
# Capitals and digits without those that are mistaken for each other.
_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"


def make_code(secret: str, key: FulfilmentId, code_round: int) -> str:
    """Return the code of a pick-up's round: 40 bits of what only the shop can compute."""
    told = b"pick-up:" + key.bytes + code_round.to_bytes(4, "big")
    digest = int.from_bytes(hmac.digest(secret.encode(), told, "sha256")[:_LENGTH], "big")
    digits = []
    for _ in range(_LENGTH):
        digest, digit = divmod(digest, len(_ALPHABET))
        digits.append(_ALPHABET[digit])
    return "".join(digits)


def is_code(code: str, typed: str) -> bool:
    """Tell whether what was typed is the code; small letters and spaces do not matter."""
    plain = "".join(typed.split()).replace("-", "").upper()
    return hmac.compare_digest(code.encode(), plain.encode())
