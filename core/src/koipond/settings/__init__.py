"""Settings: one frozen Struct, read from a TOML file and the environment; units in the names."""

from koipond.settings.checking import DEVELOPMENT_SECRET
from koipond.settings.reading import FILE, SettingsInvalid, load
from koipond.settings.shape import (
    OPERATIONS,
    CapSettings,
    ChannelSettings,
    FourEyesSettings,
    RateSettings,
    RoundingSettings,
    SeedSettings,
    Settings,
    ShippingRateSettings,
    ShippingSettings,
    TrustedDocumentsSettings,
    ZoneSettings,
)

__all__ = [
    "DEVELOPMENT_SECRET",
    "FILE",
    "OPERATIONS",
    "CapSettings",
    "ChannelSettings",
    "FourEyesSettings",
    "RateSettings",
    "RoundingSettings",
    "SeedSettings",
    "Settings",
    "SettingsInvalid",
    "ShippingRateSettings",
    "ShippingSettings",
    "TrustedDocumentsSettings",
    "ZoneSettings",
    "load",
]
