"""OpenID Connect: who logs in at an issuer is known to the shop by what the issuer signed."""
