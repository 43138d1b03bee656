"""The folder of a shop: settings, a catalogue of two teas and a picture."""

import socket
from pathlib import Path

CATALOG = """\
Handle,Title,Variant SKU,Variant Price,Variant Inventory Qty,Image Src
green-tea,Green tea,TEA-1,12.50,5,tea.svg
white-tea,White tea,TEA-2,20.00,7,tea.svg
"""
SETTINGS = """\
database_url = "sqlite:///shop.db"
media_folder = "media"

[[channels]]
code = "main"
name = "Main"
currencies = ["EUR"]
locales = ["en"]

[[seeds]]
file = "catalog.csv"
channel = "main"
currency = "EUR"
locale = "en"
asset_base = "/media/"
"""


def write_shop(folder: Path) -> None:
    (folder / "koi.toml").write_text(SETTINGS)
    (folder / "catalog.csv").write_text(CATALOG)
    (folder / "media").mkdir()
    (folder / "media" / "tea.svg").write_text("<svg/>")


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
