"""Refusals of what an issuer, or somebody in its name, said."""


class TokenUnsound(Exception):
    """An ID token that is not believed; the message says why, to be told as ProofRefused."""


class KeyUnknown(TokenUnsound):
    """A token signed by a key that the issuer has not published, or had not when it was asked."""
