"""
Servers that a whole test run shares: started by the first test that asks, gone when the run ends.

Trial has no fixtures of a class or module, and a control plane costs seconds to start.
"""

from __future__ import annotations

import atexit
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from unittest import SkipTest

from tests.cluster.aggregated import AggregatedArk
from tests.cluster.ark import ArkServer
from tests.cluster.build import REPOSITORY, require
from tests.cluster.cluster import Cluster, read_definitions
from tests.programs import POSTGRESQL, NotInstalled
from tests.storage.postgresqlserver import PostgreSQLServer

CONTROLLERS = ("namespace-controller", "garbage-collector-controller")
WIDGETS = REPOSITORY / "tests/differential/widgets.yaml"


@cache
def oracle(instance: int = 0, *, controllers: tuple[str, ...] = ()) -> Cluster:
    """
    A cluster that serves the Ark kinds and the probe kinds.

    @param instance: tells apart several ones of the same make.
    @param controllers: see L{Cluster}.
    @raise SkipTest: when its programs cannot be had here (an error where C{CI=true}).
    """
    require("etcd", "kube")
    cluster = Cluster(controllers=controllers).start()
    atexit.register(cluster.remove)
    cluster.define(read_definitions(*definitions()))
    return cluster


@cache
def ark(instance: int = 0, *, controllers: str = "*") -> ArkServer:
    """
    Our server with the probe kinds besides its own.

    @param instance: tells apart several ones.
    @param controllers: those that run, as the option of that name has them.
    @raise SkipTest: when it is not installed (an error where C{CI=true}).
    """
    server = obligatory(
        lambda: ArkServer(definitions=[WIDGETS], flags=[f"--controllers={controllers}"]).start()
    )
    atexit.register(server.remove)
    return server


@cache
def aggregated(backend: str = "sqlite", *, controllers: tuple[str, ...] = CONTROLLERS) -> AggregatedArk:
    """
    Our server behind the aggregator of a cluster of its own, with the probe kinds besides its own.

    @param backend: C{sqlite} for one server, C{postgresql} for two replicas.
    @param controllers: see L{Cluster}.
    @raise SkipTest: when a program cannot be had here (an error where C{CI=true}).
    """
    require("etcd", "kube")
    storage, replicas, database = [], 1, None
    if backend == "postgresql":
        replicas = 2
        database = postgresql()
        atexit.register(database.remove)
        storage = ["--storage=postgresql", f"--db-url={database.url()}"]
    cluster = Cluster(controllers=controllers).start()
    atexit.register(cluster.remove)
    server = AggregatedArk(cluster, replicas=replicas, definitions=[WIDGETS], storage=storage)
    server.database = database
    atexit.register(server.stop)
    return server.start()


def postgresql() -> PostgreSQLServer:
    """
    A PostgreSQL of its own.

    @raise SkipTest: when it cannot be had here (an error where C{CI=true}).
    """
    try:
        programs = POSTGRESQL.require()["initdb"].parent
    except NotInstalled as error:
        if os.environ.get("CI") == "true":
            raise
        raise SkipTest(str(error)) from error
    return PostgreSQLServer(programs)


def definitions() -> list[Path]:
    """
    The manifests that both sides serve; C{ARK_TEST_DEFINITIONS} names another folder of Ark's.
    """
    other = os.environ.get("ARK_TEST_DEFINITIONS")
    own = [Path(other)] if other else [REPOSITORY / "ark/apis" / name for name in ("v1alpha1", "v1prealpha1")]
    return [*own, WIDGETS]


def obligatory(start: Callable[[], ArkServer]) -> ArkServer:
    """
    Start our server; where C{CI=true} a reason to skip is an error.
    """
    try:
        return start()
    except SkipTest as error:
        if os.environ.get("CI") == "true":
            raise RuntimeError(str(error)) from error
        raise
