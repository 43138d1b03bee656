"""A headless commerce framework in which every way of selling is a plugin."""

__version__ = "0.1.0"
