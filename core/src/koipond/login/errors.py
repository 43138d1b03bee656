"""Refusals about logins. They say the same of an account that is there and of one that is not."""

from typing import ClassVar

from koipond.kernel.errors import DomainError, domain_error


@domain_error
class LoginRefused(DomainError):
    """An address with a password or a code that do not belong together."""

    code: ClassVar[str] = "LOGIN_REFUSED"

    def __str__(self) -> str:
        return (
            "The address and the password or code do not belong together, or the code is too old. "
            "Ask for a new code (`requestLoginCode`), or for a new password "
            "(`requestPasswordReset`)."
        )


@domain_error
class LoginTooOld(DomainError):
    """Something that only who has just shown who they are may do."""

    code: ClassVar[str] = "LOGIN_TOO_OLD"
    minutes: int

    def __str__(self) -> str:
        return (
            f"This is for who logged in within the last {self.minutes} minutes. Log in again, or "
            "ask for a code (`requestLoginCode`) and send it along."
        )


@domain_error
class RefreshRefused(DomainError):
    """A refresh token that is spent, too old, or of a login that is over."""

    code: ClassVar[str] = "REFRESH_REFUSED"

    def __str__(self) -> str:
        return "The refresh token does not hold any more. Log in again."


@domain_error
class TokenRefused(DomainError):
    """A token of a message that is used, too old, or for something else."""

    code: ClassVar[str] = "TOKEN_REFUSED"

    def __str__(self) -> str:
        return "This token does not hold: it was used, is too old, or is for something else."


@domain_error
class PasswordInvalid(DomainError):
    """A password that is too easily guessed, or cannot be kept."""

    code: ClassVar[str] = "PASSWORD_INVALID"
    reason: str

    def __str__(self) -> str:
        return f"Take another password: {self.reason}."


@domain_error
class PasswordWrong(DomainError):
    """The present password of somebody who is logged in, given wrong."""

    code: ClassVar[str] = "PASSWORD_WRONG"

    def __str__(self) -> str:
        return "The present password is another one. `requestPasswordReset` helps who forgot it."


@domain_error
class LoginProviderUnknown(DomainError):
    """A login provider that this shop does not have."""

    code: ClassVar[str] = "LOGIN_PROVIDER_UNKNOWN"
    provider: str
    known: str

    def __str__(self) -> str:
        return f"There is no login provider {self.provider[:40]!r}. There are: {self.known}."


@domain_error
class ProofRefused(DomainError):
    """What a login provider did not vouch for."""

    code: ClassVar[str] = "PROOF_REFUSED"
    provider: str
    reason: str

    def __str__(self) -> str:
        return f"{self.provider[:40]} does not say who this is: {self.reason}. Begin again."


@domain_error
class LoginSessionUnknown(DomainError):
    """A login that is not there, is over, or is somebody else's."""

    code: ClassVar[str] = "LOGIN_SESSION_UNKNOWN"

    def __str__(self) -> str:
        return "There is no such login of yours. `me { loginSessions }` lists those that there are."
