"""What settings there are: one frozen Struct, units in the names."""

from __future__ import annotations

import re

from msgspec import Struct

from koipond.settings.checking import (
    DEVELOPMENT_SECRET,
    check_networks,
    check_proxies,
    check_ranges,
    check_tokens,
)

# What is counted by `rate_limits`.
OPERATIONS = frozenset({"code", "login", "password", "refresh", "register"})
_CLOCK = re.compile(r"(([01][0-9]|2[0-3]):[0-5][0-9])?")


class ShippingRateSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a shipping method costs for some parcels; see docs/pricing.md."""

    # ISO 4217.
    currency: str
    # An amount as text, such as "4.90".
    price: str
    # The code of a zone; empty: everywhere.
    zone: str = ""
    # The heaviest parcel that it is for; empty: any.
    grams_max: int | None = None
    # What the goods come to at least, an amount as text.
    total_from: str = "0"
    # From which total of the goods it costs nothing; empty: from none.
    free_from: str = ""


class ShippingSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A shipping method that is made with its channel."""

    # What programs call it; one per channel.
    code: str
    # {language: what buyers read}
    name: dict[str, str]
    # {currency: amount as text}, such as {EUR = "4.90"}: what any parcel to anywhere costs.
    prices: dict[str, str] = {}
    # What it costs by zone, weight and total. It is offered where one of all these fits.
    rates: tuple[ShippingRateSettings, ...] = ()
    # The buyer fetches it, so it needs no address.
    pick_up: bool = False


class RoundingSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a channel rounds a currency."""

    # `half_away` (from zero) or `half_even`.
    mode: str = "half_away"
    # Each unit of a line, not the line once.
    per_unit: bool = False


class ChannelSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A channel that `koi migrate` makes if there is none of this code."""

    # What the header Koi-Channel says: a-z, 0-9 and -.
    code: str
    # What people call it.
    name: str
    # ISO 4217 codes; the first is the default.
    currencies: tuple[str, ...]
    # Language tags such as en, de-AT, zh-Hans; the first is the default.
    locales: tuple[str, ...]
    # An IANA name such as Asia/Shanghai: where a day of this channel begins.
    time_zone: str = "UTC"
    # Its home, in two letters such as DE: whose tax holds before a buyer has given an address.
    country: str = ""
    # The region of its home, where tax goes by region.
    region: str = ""
    # Prices are what is paid; else tax comes on top of them.
    prices_include_tax: bool = True
    # {currency: how it is rounded}; any other is rounded half away from zero, per line.
    rounding: dict[str, RoundingSettings] = {}
    # How long an order may be unpaid before it expires.
    payment_window_minutes: int = 30
    # How long after its delivery a unit can be sent back; then the order is closed.
    return_window_days: int = 14
    # Take money when it is paid; else only hold it, for staff to capture.
    capture_at_once: bool = True
    # How orders of this channel can be sent.
    shipping: tuple[ShippingSettings, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a number out of its range."""
        check_ranges(self)


class ZoneSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A zone that `koi migrate` makes if there is none of this code."""

    # What rates call it: a-z, 0-9 and -.
    code: str
    # What people call it.
    name: str
    # Countries such as DE, or regions such as US/CA.
    places: tuple[str, ...]


class CapSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The most messages of a category that one member gets by a medium; see docs/messages.md."""

    # What kinds of messages say of themselves, such as `marketing`.
    category: str
    # `email`, `sms` or `in_app`.
    medium: str
    # How many, at most.
    messages: int
    # Within so many hours, whenever they begin.
    hours: int

    def __post_init__(self) -> None:
        """Refuse what is no cap."""
        if self.medium not in {"email", "sms", "in_app"}:
            raise ValueError(f"medium: email, sms or in_app, not {self.medium!r}")
        check_ranges(self)


class RateSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How often something may be done; see docs/members.md."""

    # `login`, `code`, `register`, `refresh` or `password`.
    operation: str
    # `account` or `address`: what is counted together.
    per: str
    # How often, at most.
    times: int
    # Within so many seconds, whenever they begin.
    seconds: int

    def __post_init__(self) -> None:
        """Refuse what is no limit."""
        if self.per not in {"account", "address"}:
            raise ValueError(f"per: account or address, not {self.per!r}")
        if self.operation not in OPERATIONS:
            known = ", ".join(sorted(OPERATIONS))
            raise ValueError(f"operation: one of {known}, not {self.operation!r}")
        check_ranges(self)


class TrustedDocumentsSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Documents that clients name by their SHA-256 instead of sending them; see docs/graphql.md."""

    # What `koi schema persist` wrote; relative to the settings file. Empty: none.
    file: str = ""
    # Answer no others: nobody then asks what the shop's own clients do not.
    enforce: bool = False


class FourEyesSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From where on a second one of the staff must agree to an act; see docs/staff.md."""

    # `refund`, or what a plugin calls it, such as `grant`.
    act: str
    # A currency such as EUR, or the plugin's unit, such as points.
    unit: str
    # The most that one may do alone, in the smallest units: cents of EUR, whole points.
    above: int


class SeedSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A catalogue that `koi dev` imports once, or what it asks of the staff's schema once."""

    # A product CSV, or operations in a file called .graphql; relative to the settings file.
    file: str
    # The code of the channel that shows it.
    channel: str
    # The currency of its prices.
    currency: str
    # The language of its texts.
    locale: str
    # Put before the relative addresses of images.
    asset_base: str = ""


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that a shop can be told from outside."""

    # sqlite:///FILE or postgresql://USER@HOST/NAME. FILE is relative to the settings file that says
    # it; in a variable to the working folder.
    database_url: str = "sqlite:///koi.db"
    # Connections that one process keeps for reading (SQLite) or for everything (PostgreSQL).
    database_pool_size: int = 10
    # How long a request waits for a connection.
    database_wait_s: float = 10.0
    # How long PostgreSQL may take for one statement before its connection counts as lost.
    database_answer_s: float = 30.0
    # Signs bearer tokens; at least 32 characters. Production refuses the default, and what else can
    # be guessed.
    secret: str = DEVELOPMENT_SECRET
    # The secret before this one: what it signed still holds. Empty: there is none. To change the
    # secret, move it here, and take it away when `login_keep_days` have passed, or sooner: who
    # then comes back logs in again.
    previous_secret: str = ""
    # Who signs tokens, as their `iss` says; a test shop with the same secret needs another.
    token_issuer: str = "koipond"  # noqa: S105  # a name
    # How long an access token holds that a login gave; what ends the login ends it in 10 s.
    access_token_s: int = 900
    # How long a login is kept that is not used.
    login_keep_days: int = 60
    # How often who may do what.
    rate_limits: tuple[RateSettings, ...] = (
        RateSettings(operation="login", per="account", times=10, seconds=900),
        RateSettings(operation="login", per="address", times=100, seconds=900),
        RateSettings(operation="code", per="account", times=5, seconds=900),
        RateSettings(operation="code", per="address", times=50, seconds=900),
        RateSettings(operation="register", per="account", times=5, seconds=900),
        RateSettings(operation="register", per="address", times=30, seconds=900),
        RateSettings(operation="password", per="account", times=10, seconds=900),
        RateSettings(operation="refresh", per="address", times=1_000, seconds=60),
    )
    # Where they are counted for all processes: redis://HOST:6379/0 or valkey://HOST:6379/0; needs
    # koipond[redis]. Empty: in the memory of each. Failed logins of an account are counted in the
    # database in any case.
    limits_url: str = ""
    # Networks of the proxies in front: `["10.0.0.0/8"]`. X-Forwarded-For is believed of them alone.
    # Without it all who come through a proxy have the proxy's address. Production refuses a network
    # that is the whole internet.
    trusted_proxies: tuple[str, ...] = ()
    # Production hides GraphiQL, introspection and suggestions, writes logs as JSON, wants a secret,
    # and has no sandbox to pay with. `koi serve` and `koi worker` are production unless they are
    # told `false` here.
    production: bool = False
    # The largest request that is read.
    request_max_bytes: int = 1_000_000
    # The largest file that staff may send to be imported.
    upload_max_bytes: int = 100_000_000
    # How long a query may take; a mutation is never cut off.
    query_timeout_s: float = 10.0
    # Documents that requests to /graphql may name, or must.
    trusted_documents: TrustedDocumentsSettings = TrustedDocumentsSettings()
    # The same for /admin/graphql.
    trusted_admin_documents: TrustedDocumentsSettings = TrustedDocumentsSettings()
    # Sites whose pages may open sockets, such as https://shop.example.org, beside this one's own.
    origins: tuple[str, ...] = ()
    # Sockets that one process keeps open; who comes later is told to try again (1013).
    sockets_max: int = 10_000
    # The most of them from one address. Behind a proxy say so in trusted_proxies.
    sockets_per_address_max: int = 500
    # The most of them of one member, or of one of the staff.
    sockets_per_member_max: int = 20
    # Operations that run at once on one socket.
    socket_operations_max: int = 20
    # How often a socket is asked whether somebody is there, who then has as long to say so.
    socket_ping_s: float = 25.0
    # How long after SIGTERM `koi serve` still answers who comes, while /ready says 503: so long as
    # the balancer in front needs to see it. Whom it sends later is refused by the closed port.
    leave_notice_s: float = 0.0
    # How long an unfinished request keeps its idempotency key to itself.
    idempotency_lease_s: int = 30
    # How long a payment provider may take to answer; less than idempotency_lease_s.
    payment_timeout_s: int = 20
    # How long after it expired an order is revived by money that comes late, if all can be had.
    late_payment_grace_s: int = 3_600
    # Acts of staff that a second one of them must agree to; others nobody has to.
    four_eyes: tuple[FourEyesSettings, ...] = ()
    # How long such an act waits for somebody to agree to it.
    approval_days: int = 7
    # How long events wait for a plugin that is disabled, to be heard when it is enabled again.
    deliveries_keep_days: int = 30
    # How long events are kept that all have heard of, for `koi plugin backfill`; 0: for ever.
    events_keep_days: int = 0
    # Where the sandbox provider keeps its books, for `koi sandbox` too; empty: in the memory of
    # each process.
    sandbox_file: str = ""
    # How long units are kept for an order that is about to be placed.
    reservation_hold_s: int = 90
    # Requests for units that wait for their batch, at most; more are told to come back.
    desk_queue_max: int = 4_096
    # The most units of one variant in one order.
    order_line_quantity_max: int = 9_999
    # The most lines of one order.
    order_lines_max: int = 200
    # Which location serves an order: `priority` (in their order), `whole_first` (one that has all).
    allocation_strategy: str = "priority"
    # `Availability.quantityAtMost` never says more than this.
    availability_quantity_max: int = 10
    # Answer GET /metrics with what hooks have cost this process and how it ran operations.
    # Anybody who reaches the address reads it: keep it from the public.
    metrics: bool = False
    # A folder that is served at /media, or none.
    media_folder: str = ""
    # Who carries mail: `smtp`, a plugin's sender, or `console`, which shows it in the log, and not
    # in production. Empty: `smtp` if there is an smtp_url, else `console`, in production nobody.
    mail_sender: str = ""
    # Who carries text messages: a plugin's sender, or `console`. Empty: as for mail, without smtp.
    sms_sender: str = ""
    # Where mail is handed in: smtp://USER:PASSWORD@HOST:587 (STARTTLS, or nothing is sent),
    # smtps://HOST:465, or smtp+plain://HOST:25 for a server on a network that is trusted.
    smtp_url: str = ""
    # Whom mail is from: `Shop <shop@example.org>`.
    mail_from: str = ""
    # From when on members are not disturbed, by the clock on their wall; empty: they always may be.
    quiet_from: str = "22:00"
    # Until when they are not.
    quiet_until: str = "08:00"
    # How many messages of a category a member gets.
    message_caps: tuple[CapSettings, ...] = (
        CapSettings(category="marketing", medium="email", messages=3, hours=168),
        CapSettings(category="marketing", medium="sms", messages=1, hours=168),
    )
    # How long messages are kept once nothing is to come of them any more, and at least as long as a
    # cap looks back; 0: for ever.
    messages_keep_days: int = 0
    # A NATS server with JetStream that is told of every event, such as nats://HOST:4222; needs
    # koipond[nats]. Empty: none.
    nats_url: str = ""
    # The stream that events are in, made if it is missing; subjects are STREAM.OrderPlaced.
    nats_stream: str = "koipond"
    # How long that server may take to be connected to, and to say that it has an event.
    nats_timeout_s: float = 5.0
    # How long a receiver of webhooks may take to answer.
    webhook_timeout_s: float = 15.0
    # How long it is kept what came of each try to send one.
    webhook_attempts_keep_days: int = 30
    # Networks beside the public internet that webhooks may be sent to, over http and to any port
    # too: `["10.1.0.0/16"]`. Whoever may write webhooks then reaches everything in them.
    webhook_networks: tuple[str, ...] = ()
    # Doors by which buyers come, as storefronts name them; other ones are kept as they are told.
    source_entries: tuple[str, ...] = (
        "chat",
        "search",
        "template_message",
        "poster",
        "store",
        "link",
    )
    # What two members being proven to have is one member without asking anybody: `unionid`, `oidc`,
    # `email`, `phone`. Phone numbers are given to others after a while; staff merge the rest.
    merge_on: tuple[str, ...] = ("unionid",)
    # How long a merge of two members can be undone.
    merge_undo_days: int = 30
    # Channels that are made if they are missing; the first made is the default one.
    channels: tuple[ChannelSettings, ...] = (
        ChannelSettings(code="main", name="Main", currencies=("EUR",), locales=("en",)),
    )
    # Zones that are made if they are missing: where shipping and tax are alike.
    zones: tuple[ZoneSettings, ...] = ()
    # What the demo shop has, in this order.
    seeds: tuple[SeedSettings, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what cannot be, and a secret too short to sign with (RFC 7518, 3.2: 256 bits)."""
        check_ranges(self)
        for name in ("quiet_from", "quiet_until"):
            if not _CLOCK.fullmatch(getattr(self, name)):
                raise ValueError(f"{name}: a time such as 22:00, or nothing")
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", self.nats_stream):
            raise ValueError("nats_stream: letters, digits, - and _, at most 64")
        check_networks(self)
        check_proxies(self)
        check_tokens(self)
        if self.payment_timeout_s >= self.idempotency_lease_s:
            raise ValueError("payment_timeout_s: less than idempotency_lease_s, which outlasts it")
