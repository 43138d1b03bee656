"""The command `koi`: run a shop and look after it."""

from koipond.cli.main import koi, main

__all__ = ["koi", "main"]
