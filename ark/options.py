"""
The one table of the server's options.

The C{ark-server} command, the environment variables, the config file, the twistd plugin
and the reference page in C{docs/reference/options.md} are all made of it.  Names are
kube-apiserver's where kube-apiserver has the option.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from ark.meta.names import dns1123_label, dns1123_subdomain
from ark.meta.time import parse_go_duration


class BadValue(ValueError):
    """
    A text is not a value of an option.

    @ivar cause: what is wrong with it, to stand after the name of the option.
    @ivar remedy: one sentence that says what to write instead.
    """

    def __init__(self, cause: str, remedy: str) -> None:
        super().__init__(cause)
        self.cause = cause
        self.remedy = remedy


Parse = Callable[[str], Any]


def text(value: str) -> str:
    """
    Any text but the empty one.

    @raise BadValue: it is empty.
    """
    if not value:
        raise BadValue("is empty", "Give a value, or leave the option out.")
    return value


def integer(least: int, most: int) -> Parse:
    """
    Whole numbers from C{least} to C{most}, in ASCII digits.
    """

    def parse(value: str) -> int:
        digits = value[1:] if value[:1] == "-" else value
        if not (digits.isascii() and digits.isdigit() and len(digits) < 19):
            raise BadValue(f'is "{value}", which is not a whole number', _range(least, most))
        number = int(value)
        if not least <= number <= most:
            raise BadValue(f"is {number}, which is out of range", _range(least, most))
        return number

    return parse


def rate(value: str) -> float:
    """
    So many a second: decimal numbers above zero.

    @raise BadValue: it is something else.
    """
    whole, _, part = value.partition(".")
    if not (value.isascii() and (whole + part).isdigit() and 0 < float(value) < 1e9):
        raise BadValue(f'is "{value}", which is not a rate', "Give a number above 0, like 10 or 0.5.")
    return float(value)


def _range(least: int, most: int) -> str:
    return f"Give a number from {least} to {most}."


def namespaced_name(value: str) -> str:
    """
    A namespace and a name in it.

    @raise BadValue: it is something else.
    """
    namespace, slash, name = value.partition("/")
    if not slash or dns1123_label(namespace) or dns1123_subdomain(name):
        raise BadValue(f'is "{value}", which is not a namespace and a name', "Write one like default/ark.")
    return value


def boolean(value: str) -> bool:
    """
    C{true} or C{false}, in the spellings that Go's flag package takes.

    @raise BadValue: it is neither.
    """
    if value in {"1", "t", "T", "true", "TRUE", "True"}:
        return True
    if value in {"0", "f", "F", "false", "FALSE", "False"}:
        return False
    raise BadValue(f'is "{value}", which is neither true nor false', "Write true or false.")


def duration(least: float) -> Parse:
    """
    Go durations of at least C{least} seconds, in seconds.
    """

    def parse(value: str) -> float:
        try:
            seconds = parse_go_duration(value)
        except ValueError:
            raise BadValue(
                f'is "{value}", which is not a duration', "Write one like 30s, 10m or 1h30m."
            ) from None
        if seconds < least:
            raise BadValue(f"is {value}, which is too short", f"Give at least {least:g}s.")
        return seconds

    return parse


def choice(*words: str) -> Parse:
    """
    One of C{words}.
    """

    def parse(value: str) -> str:
        if value not in words:
            raise BadValue(f'is "{value}", which is not known', f"Write {' or '.join(words)}.")
        return value

    return parse


def address(value: str) -> str:
    """
    An IP address to listen on.

    @raise BadValue: it is not one.
    """
    try:
        return str(ip_address(value))
    except ValueError:
        raise BadValue(
            f'is "{value}", which is not an IP address', "Write one like 127.0.0.1, 0.0.0.0 or ::."
        ) from None


CONTROLLERS = ("garbage-collector-controller", "namespace-controller")
"""What a server can do besides answering, by the names that kube-controller-manager has for it."""


def controllers(value: str) -> tuple[str, ...]:
    """
    The controllers that a list selects: C{*} is all of them, C{-name} is all but that one
    (C{IsControllerEnabled} in C{k8s.io/controller-manager/app}).

    @raise BadValue: there is no such controller.
    """
    entries = [entry.strip() for entry in value.split(",")]
    for entry in entries:
        if entry not in ("", "*") and entry.removeprefix("-") not in CONTROLLERS:
            raise BadValue(f'names "{entry}", which is not known', f"Known are {', '.join(CONTROLLERS)}.")
    return tuple(
        name for name in CONTROLLERS if name in entries or ("*" in entries and f"-{name}" not in entries)
    )


ADMISSION_PLUGINS = ("OwnerReferencesPermissionEnforcement",)
"""What can be asked of admission besides what a cluster always does, by kube-apiserver's names."""


def admission_plugins(value: str) -> tuple[str, ...]:
    """
    The names in a list, each once.

    @raise BadValue: there is no such plug-in.
    """
    names = [name.strip() for name in value.split(",") if name.strip()]
    for name in names:
        if name not in ADMISSION_PLUGINS:
            raise BadValue(f'names "{name}", which is not known', f"Known is {', '.join(ADMISSION_PLUGINS)}.")
    return tuple(dict.fromkeys(names))


def names(value: str) -> tuple[str, ...]:
    """
    The names in a list.

    @raise BadValue: one of them is empty.
    """
    if not value:
        return ()
    found = tuple(name.strip() for name in value.split(","))
    if not all(found):
        raise BadValue(f'is "{value}", which has an empty name', "Leave out the comma that is too much.")
    return found


def allowed_paths(value: str) -> tuple[str, ...]:
    """
    Paths in a list, each whole, or with a C{*} at the end for all that begin so.

    @raise BadValue: there is a C{*} elsewhere, or an empty path.
    """
    for path in names(value):
        if "*" in path[:-1]:
            raise BadValue(f'has the path "{path}"', "Write a * only at the end of a path.")
    return names(value)


@dataclass(frozen=True)
class Option:
    """
    One option.

    @ivar name: the flag without its dashes, and the key in a config file.
    @ivar parse: makes the value of its text, or raises L{BadValue}.
    @ivar default: the text it has when nobody gives it; L{None} when there is none or
        it is made of other options (C{help} says how).
    @ivar repeatable: it may be given many times, and its value is a tuple.
    @ivar secret: it may hold a password, so that C{ARK_X_FILE} may name a file to read it from.
    """

    name: str
    section: str
    metavar: str
    help: str
    parse: Parse = text
    default: str | None = None
    repeatable: bool = False
    secret: bool = False

    @property
    def field(self) -> str:
        """
        The name of its field in L{ark.config.ServerConfig}.
        """
        return "verbosity" if self.name == "v" else self.name.replace("-", "_")

    @property
    def flags(self) -> tuple[str, ...]:
        """
        How it is written on the command line.
        """
        return ("-v", "--v") if self.name == "v" else (f"--{self.name}",)

    @property
    def environment(self) -> str:
        """
        The environment variable that sets it.
        """
        return "ARK_" + self.name.replace("-", "_").upper()


def _postgresql(section: str) -> Iterator[Option]:
    for name, metavar, what in (
        (
            "host",
            "HOST",
            "The host of PostgreSQL, or several with commas between; one that begins with a slash is the folder of its socket.",
        ),
        ("port", "PORT", "The port of PostgreSQL, or one for each host. Default: 5432."),
        ("database", "NAME", "The database in PostgreSQL. Default: the user's name."),
        ("user", "NAME", "The user of PostgreSQL."),
        ("password", "PASSWORD", "His password. Better given as a variable or in a file."),
        ("sslmode", "MODE", "disable, allow, prefer, require, verify-ca or verify-full. Default: prefer."),
        ("sslrootcert", "FILE", "The certificates of the authorities that may vouch for PostgreSQL."),
        ("sslcert", "FILE", "The certificate to show to PostgreSQL."),
        ("sslkey", "FILE", "Its private key."),
    ):
        yield Option(f"postgres-{name}", section, metavar, what, secret=name == "password")
    yield Option(
        "postgres-pool-size", section, "N", "How many connections a server process opens for reads.",
        integer(1, 1000), "8",
    )  # fmt: skip


def _mysql(section: str) -> Iterator[Option]:
    for name, metavar, what in (
        ("host", "HOST", "The host of MySQL or MariaDB, or the path of its socket. Default: 127.0.0.1."),
        ("port", "PORT", "The port of MySQL. Default: 3306."),
        ("database", "NAME", "The database in MySQL. Default: ark."),
        ("user", "NAME", "The user of MySQL. Default: ark."),
        ("password", "PASSWORD", "Its password. Better given as a variable or in a file."),
        (
            "ssl-mode", "MODE", "disabled, preferred, required, verify-ca or verify-identity. "
            "Default: verify-ca with --mysql-ssl-ca, else preferred.",
        ),
        ("ssl-ca", "FILE", "The certificates of the authorities that may vouch for MySQL."),
        ("ssl-cert", "FILE", "The certificate to show to MySQL."),
        ("ssl-key", "FILE", "Its private key."),
    ):  # fmt: skip
        yield Option(f"mysql-{name}", section, metavar, what, secret=name == "password")
    yield Option(
        "mysql-pool-size", section, "N", "How many connections a server process opens for reads.",
        integer(1, 100), "4",
    )  # fmt: skip


def _storage() -> Iterator[Option]:
    section = "Storage"
    yield Option(
        "storage", section, "SCHEME|URL", "What keeps the data: sqlite, postgresql, mysql, memory, or the scheme of a plug-in; or the URL of a database.",
        default="sqlite", secret=True,
    )  # fmt: skip
    yield Option(
        "db-path", section, "FILE",
        "The SQLite database; everything else of the server stands beside it. "
        "Default: ark/ark.db in $XDG_DATA_HOME (~/.local/share).",
    )  # fmt: skip
    yield Option(
        "db-url", section, "URL",
        "The database, as postgresql://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=verify-full. "
        "The options of the kind of database count more than parts of the URL.", secret=True,
    )  # fmt: skip
    yield Option(
        "storage-wait", section, "DURATION",
        "How long a start waits for a database that cannot be reached yet; 0s not to wait.",
        duration(0), "1m",
    )  # fmt: skip
    yield from _postgresql(section)
    yield from _mysql(section)
    yield Option(
        "history-retention", section, "DURATION", "How long replaced and deleted versions can still be read and watched.",
        duration(1), "10m",
    )  # fmt: skip
    yield Option(
        "history-events", section, "N", "How many of the newest versions are kept however old they are.",
        integer(0, 10**9), "100000",
    )  # fmt: skip
    yield Option(
        "compaction-interval", section, "DURATION", "How often versions past the retention are dropped; 0s for never.",
        duration(0), "1m",
    )  # fmt: skip
    yield Option(
        "watch-window", section, "EVENTS", "How many of the newest events are kept in memory for watches.",
        integer(100, 10**7), "10000",
    )  # fmt: skip
    yield Option(
        "cache-size", section, "MIB", "How much memory the cache of current objects may take, in MiB.",
        integer(0, 2**20), "32",
    )  # fmt: skip


def _kinds() -> Iterator[Option]:
    yield Option(
        "resource-definitions", "Kinds", "DIR",
        "A directory of CustomResourceDefinition manifests to serve beside, or instead of, the built-in ones "
        "of the same name. May be repeated.",
        repeatable=True,
    )  # fmt: skip


def _serving() -> Iterator[Option]:
    section = "Serving"
    yield Option("bind-address", section, "IP", "The address to listen on.", address, "127.0.0.1")
    yield Option(
        "secure-port",
        section,
        "PORT",
        "The port to listen on; 0 takes any free one.",
        integer(0, 65535),
        "6443",
    )
    yield Option(
        "tls-cert-file",
        section,
        "FILE",
        "The serving certificate and its chain, PEM. Default: one is made in --cert-dir.",
    )
    yield Option("tls-private-key-file", section, "FILE", "The key of --tls-cert-file, PEM.")
    yield Option(
        "tls-san", section, "NAME|IP", "One more name or address for the certificate that is made. May be repeated.",
        repeatable=True,
    )  # fmt: skip
    yield Option(
        "cert-dir",
        section,
        "DIR",
        "Where made certificates are kept. Default: pki in the database's path with .d added.",
    )
    yield Option(
        "request-timeout",
        section,
        "DURATION",
        "How long a request may take that is not a watch.",
        duration(1),
        "1m",
    )
    yield Option(
        "max-requests-inflight", section, "N", "How many reading requests may run at once; 0 for any number.",
        integer(0, 10**6), "400",
    )  # fmt: skip
    yield Option(
        "max-mutating-requests-inflight", section, "N", "How many writing requests may run at once; 0 for any number.",
        integer(0, 10**6), "200",
    )  # fmt: skip
    yield Option(
        "enable-priority-and-fairness", section, "BOOL",
        "Whether requests wait for their turn, by flow schemas and priority levels, for as many seats as the two limits "
        "above have together. Without it those beyond a limit are refused at once.",
        boolean, "true",
    )  # fmt: skip
    yield Option(
        "shutdown-delay-duration", section, "DURATION",
        "How long to go on serving after SIGTERM, with /readyz failing, before connections are closed.",
        duration(0), "0s",
    )  # fmt: skip
    yield Option(
        "shutdown-send-retry-after", section, "BOOL",
        "Whether, after that time, new requests are told to come again with 429 and Retry-After while those that run "
        "finish, instead of finding the port closed.",
        boolean, "false",
    )  # fmt: skip


def _access() -> Iterator[Option]:
    section = "Access"
    yield Option(
        "client-ca-file", section, "FILE",
        "More certificate authorities whose client certificates are users, PEM; the one made in --cert-dir always counts. "
        "In a cluster they count instead of those that the cluster names.",
    )  # fmt: skip
    yield Option("token-auth-file", section, "FILE", 'Bearer tokens, CSV: token,user,uid,"group1,group2".')
    yield Option(
        "anonymous-auth", section, "BOOL",
        "Whether requests without credentials are let through as system:anonymous, who may see version and health.",
        boolean, "true",
    )  # fmt: skip
    yield Option(
        "kubeconfig-out", section, "FILE", "Where the administrator's kubeconfig is written. "
        "Default: admin.kubeconfig beside the database.",
    )  # fmt: skip


def _cluster() -> Iterator[Option]:
    section = "Cluster"
    yield Option(
        "kubeconfig", section, "FILE",
        "Serve behind the kube-apiserver of the cluster that this kubeconfig leads to: the cluster says who may do what, "
        "admits writes and has the namespaces, and no kinds but those of definitions are served.",
    )  # fmt: skip
    yield Option(
        "in-cluster", section, "BOOL",
        "The same for a server that runs in a pod of the cluster, as the service account of that pod.",
        boolean, "false",
    )  # fmt: skip
    yield Option(
        "service", section, "NAMESPACE/NAME",
        "The Service that leads to this server. Its serving certificate is then made for that Service, below an authority that "
        "all replicas share in --tls-secret, and the server's APIServices that name the Service are told of the authority. "
        "With --tls-cert-file that certificate is served, and nothing is told.",
        namespaced_name,
    )  # fmt: skip
    yield Option(
        "tls-secret", section, "NAMESPACE/NAME",
        "The Secret that has the authority of the serving certificate; it is made, or filled, when it is not there or empty. "
        "Default: --service with -ca added.",
        namespaced_name,
    )  # fmt: skip
    yield Option(
        "enable-admission-plugins", section, "LIST",
        "Which admission plug-ins judge writes besides those that always do, with commas between. "
        f"There is {' and '.join(ADMISSION_PLUGINS)}.",
        admission_plugins, "",
    )  # fmt: skip


def _delegation() -> Iterator[Option]:
    section = "Cluster"
    yield Option(
        "requestheader-client-ca-file", section, "FILE",
        "The certificate authorities of front proxies, PEM, with the --requestheader options beside it instead of what "
        "the cluster says of them.",
    )  # fmt: skip
    yield Option(
        "requestheader-allowed-names", section, "LIST",
        "The common names that front proxies may have, with commas between; none for any.", names, "",
    )  # fmt: skip
    for name, what, default in (
        ("username-headers", "users", "x-remote-user"),
        ("uid-headers", "users' uids", ""),
        ("group-headers", "groups", "x-remote-group"),
        ("extra-headers-prefix", "further attributes, all that begin so", "x-remote-extra-"),
    ):
        yield Option(
            f"requestheader-{name}", section, "LIST",
            f"The header fields in which front proxies name {what}, with commas between.", names, default,
        )  # fmt: skip
    yield Option(
        "api-audiences", section, "LIST",
        "For whom a bearer token must be, with commas between: one of them is enough. Without it the cluster's own "
        "audiences count.",
        names, "",
    )  # fmt: skip
    yield Option(
        "authentication-token-webhook-cache-ttl", section, "DURATION",
        "How long it counts what the cluster said of a bearer token; 0s to ask each time.", duration(0), "10s",
    )  # fmt: skip
    for name, what in (("authorized", "something is allowed"), ("unauthorized", "something is not allowed")):
        yield Option(
            f"authorization-webhook-cache-{name}-ttl", section, "DURATION",
            f"How long it counts when the cluster said that {what}; 0s to ask each time.", duration(0), "10s",
        )  # fmt: skip
    yield Option(
        "authorization-always-allow-paths", section, "LIST",
        "Paths that everybody may use without the cluster being asked, with commas between; "
        "with a * at the end all that begin so.",
        allowed_paths, "/healthz,/livez,/readyz",
    )  # fmt: skip


def _audit() -> Iterator[Option]:
    section = "Audit log"
    yield Option(
        "audit-policy-file", section, "FILE",
        "A Policy of audit.k8s.io/v1 that says what the audit log is told of which request.",
    )  # fmt: skip
    yield Option(
        "audit-log-path", section, "FILE",
        "Where events of audit.k8s.io/v1 are written, a line each; - for the standard output. "
        "With several workers each but the first has a file of its own, audit.1.log beside audit.log.",
    )  # fmt: skip
    for name, metavar, what, default in (
        ("maxsize", "MIB", "The size at which the file is put aside, in MiB; 0 for 100", "0"),
        ("maxbackup", "N", "How many files put aside are kept; 0 for all", "0"),
        ("maxage", "DAYS", "For how many days they are kept; 0 for ever", "0"),
    ):
        yield Option(f"audit-log-{name}", section, metavar, f"{what}.", integer(0, 10**6), default)
    yield Option(
        "audit-log-compress", section, "BOOL", "Whether they are compressed with gzip.", boolean, "false"
    )
    yield Option(
        "audit-webhook-config-file", section, "FILE",
        "A kubeconfig that leads to a webhook that gets the events too, in lists; only certificates and tokens are shown there.",
    )  # fmt: skip
    webhook = "audit-webhook-"
    yield Option(
        webhook + "initial-backoff", section, "DURATION",
        "How long to wait before a list that failed is sent again, and half as long again each time after.",
        duration(0), "10s",
    )  # fmt: skip
    yield Option(
        webhook + "batch-max-wait", section, "DURATION",
        "How long an event waits for others to be sent with; 0s to send it at once.", duration(0), "30s",
    )  # fmt: skip
    for name, metavar, what, parse, default in (
        ("batch-max-size", "N", "How many events a list has at most", integer(1, 10**6), "400"),
        ("batch-buffer-size", "N", "How many events may wait; further ones are lost", integer(1, 10**7), "10000"),
        ("batch-throttle-enable", "BOOL", "Whether there is a limit to how many lists are sent", boolean, "true"),
        ("batch-throttle-qps", "RATE", "How many lists are sent in a second on average", rate, "10"),
        ("batch-throttle-burst", "N", "How many lists are sent at once when there were fewer before", integer(1, 10**6), "15"),
        ("truncate-enabled", "BOOL", "Whether there is a limit to how large events and lists are", boolean, "false"),
        ("truncate-max-event-size", "BYTES", "Above how many bytes bodies are left out, and events too large without them", integer(1, 2**40), "102400"),
        ("truncate-max-batch-size", "BYTES", "Above how many bytes a list is divided", integer(1, 2**40), "10485760"),
    ):  # fmt: skip
        yield Option(webhook + name, section, metavar, f"{what}.", parse, default)


def _process() -> Iterator[Option]:
    section = "Process"
    yield Option("workers", section, "N", "How many processes serve the port.", integer(1, 256), "1")
    yield Option(
        "event-ttl", section, "DURATION",
        "How long events stay after they were last written, looked at every few minutes; 0s for ever.",
        duration(0), "1h",
    )  # fmt: skip
    yield Option(
        "controllers", section, "LIST",
        "Which controllers run, with commas between: * for all, -name for all but that one. "
        f"There are {' and '.join(CONTROLLERS)}.",
        controllers, "*",
    )  # fmt: skip
    yield Option("log-format", section, "FORMAT", "text or json.", choice("text", "json"), "text")
    yield Option(
        "tracing-config-file", section, "FILE",
        "A TracingConfiguration that says which requests are traced and where the collector of their traces is.",
    )  # fmt: skip
    yield Option(
        "v",
        section,
        "LEVEL",
        "How much is logged: 2 adds a line a request, 4 adds details.",
        integer(0, 10),
        "0",
    )


OPTIONS: tuple[Option, ...] = (
    *_storage(), *_kinds(), *_serving(), *_access(), *_cluster(), *_delegation(), *_audit(), *_process(),
)  # fmt: skip
