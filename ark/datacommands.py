"""
The commands of C{ark-server} that move data: to another database, and from and to a cluster.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ark.arguments import Parser, make_parser, resolve
from ark.config import ConfigError, ServerConfig


def copy(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """
    Copy a database to another one, with its revisions and history.
    """
    wanted = _copy_parser().parse_args(list(argv), env_vars=dict(environ))
    from ark.copying import Wishes, release
    from ark.copying import copy as copied

    if wanted.release:
        return release(wanted.release, environ)
    if not wanted.source or not wanted.target:
        raise ConfigError("A copy needs to know from where, and to where.", "Give --from and --to.")
    if wanted.cut_over and not wanted.follow:
        raise ConfigError("--cut-over does nothing without --follow.", "Give both.")
    return copied(
        Wishes(wanted.source, wanted.target, wanted.follow, wanted.cut_over, wanted.restart), environ
    )


def _copy_parser() -> Parser:
    parser = Parser(
        prog="ark-server copy",
        description="Copy a database to another one, with its revisions and history. A copy that was stopped, "
        "however that came, goes on where it was when the same command is given again.",
        allow_abbrev=False,
    )
    where = "as sqlite:PATH or postgresql://USER@HOST/DATABASE"
    parser.add_argument(
        "--from",
        dest="source",
        metavar="URL",
        env_var="ARK_COPY_FROM",
        help=f"The database to copy, {where}.",
    )
    parser.add_argument(
        "--to", dest="target", metavar="URL", env_var="ARK_COPY_TO", help="A new, or empty, database."
    )
    parser.add_argument(
        "--follow",
        action="store_true",
        help="Go on copying what is written until SIGUSR1; then take the writes from the one and let the other "
        "have them.",
    )
    parser.add_argument(
        "--cut-over", action="store_true", help="With --follow: do so without waiting for SIGUSR1."
    )
    parser.add_argument("--restart", action="store_true", help="Forget what was copied before.")
    parser.add_argument(
        "--release",
        metavar="URL",
        help="Copy nothing, but let a database be written again that --follow has moved.",
    )
    return parser


def import_(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """
    Take over a cluster's custom resources.
    """
    resolved = resolve(_import_parser(environ), argv, environ)
    given = resolved.arguments
    if not given.from_cluster:
        raise ConfigError("An import needs to know from where.", "Give --from-cluster.")
    _needs_cluster(resolved.config)
    from ark.moving.command import Wishes, import_objects, service_of

    service = service_of(given.switch, given.switch_ca_file, given.helm_release) if given.switch else None
    wishes = Wishes(given.dry_run, given.restart, not given.no_hold, service, given.release)
    return import_objects(resolved.config, wishes)


def _import_parser(environ: Mapping[str, str]) -> Parser:
    parser = make_parser(
        "ark-server import",
        "Import the objects of a cluster's custom resources into a new database, and have servers take their "
        "place. An import that was stopped goes on where it was when the same command is given again.",
        environ,
    )
    parser.add_argument(
        "--from-cluster", action="store_true", help="From the cluster of --kubeconfig or --in-cluster."
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="Change nothing; tell what there is to import."
    )
    parser.add_argument("--restart", action="store_true", help="Forget what was imported before.")
    parser.add_argument("--no-hold", action="store_true", help="Let the objects be written meanwhile.")
    parser.add_argument(
        "--switch",
        metavar="NAMESPACE/SERVICE",
        default="",
        help="After the import: have the servers behind a service (:PORT where it is not 443) serve the group.",
    )
    parser.add_argument(
        "--switch-ca-file", metavar="FILE", default="",
        help="With --switch: who vouches for the servers' certificate, PEM. Servers with --tls-secret say so themselves.",
    )  # fmt: skip
    parser.add_argument(
        "--helm-release", metavar="NAMESPACE/NAME", default="",
        help="With --switch: the Helm release that is to own the APIServices.",
    )  # fmt: skip
    parser.add_argument(
        "--release", action="store_true", help="Let everybody write again, and do nothing else."
    )
    return parser


def export(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """
    Give a cluster its custom resources back.
    """
    parser = make_parser(
        "ark-server export",
        "Have kube-apiserver serve its custom resources again, with the objects as they are in the database. An "
        "export that was stopped goes on when the same command is given again.",
        environ,
    )
    parser.add_argument(
        "--to-cluster", action="store_true", help="To the cluster of --kubeconfig or --in-cluster."
    )
    resolved = resolve(parser, argv, environ)
    if not resolved.arguments.to_cluster:
        raise ConfigError("An export needs to know to where.", "Give --to-cluster.")
    _needs_cluster(resolved.config)
    from ark.moving.command import export_objects

    return export_objects(resolved.config)


def _needs_cluster(config: ServerConfig) -> None:
    if not config.kubeconfig and not config.in_cluster:
        raise ConfigError("No cluster was named.", "Give --kubeconfig FILE or --in-cluster.")
