"""
Every interface of the project, and nothing else.

Layers see each other, and plug-ins see the server, through these declarations only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from twisted.plugin import IPlugin
from zope.interface import Attribute, Interface

from ark.meta.records import Change, EventPage, JoinedPage, Key, Outcome, Page, Range, SchemaState, Version


class IStorageBackendFactory(IPlugin):
    """
    Names a kind of storage and makes backends of it.

    Found with L{twisted.plugin.getPlugins}.  Importing the plugin must be cheap: no
    database driver is imported before L{open}.
    """

    scheme: str = Attribute("The word after C{--storage=}, and the scheme of its URLs.")
    summary: str = Attribute("One line for C{--help}.")
    options: Sequence[str] = Attribute("The names of the server's options that it reads.")

    async def open(config: Mapping[str, Any], reactor: Any) -> IStorageBackend:
        """
        Open the database, create or migrate its schema, and return the backend.

        @param config: the values of the options named in C{options}.
        @raise ark.storage.errors.UnusableDatabase: the database is of an unknown
            version, is corrupt, or may not be opened.  The message says cause and remedy.
        """


class IInspectsSchema(Interface):
    """
    Provided by factories whose databases have a schema, beside L{IStorageBackendFactory}.
    """

    async def inspect(config: Mapping[str, Any], reactor: Any) -> SchemaState:
        """
        The state of a database's schema, without changing anything.

        @raise ark.storage.errors.UnusableDatabase: it cannot be read, or is another program's.
        """


class IStorageBackend(Interface):
    """
    Keeps every version of every object under one strictly rising revision.

    Revisions count over all keys of the store, become visible in commit order, and
    leave no gaps.  Only exceptions of L{ark.storage.errors} leave a backend.  All
    methods are called in the reactor thread and must not block it.
    """

    async def commit(changes: Sequence[Change]) -> Sequence[Outcome]:
        """
        Write a batch in one transaction and return one outcome a change, in order.

        Each change is checked on its own against the state that the changes before it
        in the batch leave behind; one that does not match does not hold up the others.
        Those that match get consecutive revisions in the order given.  When this
        returns, what was committed survives the loss of power.

        @raise ark.storage.errors.StorageFull: nothing was written; reads go on working.
        @raise ark.storage.errors.Unavailable: nothing was written.
        @raise ark.storage.errors.OutcomeUnknown: it may or may not have been written.
        """

    async def get(key: Key, revision: int | None = None) -> Version | None:
        """
        The live version of C{key}, now or as of C{revision}; L{None} when there is none.

        @raise ark.storage.errors.Compacted: C{revision} is before the floor.
        """

    async def list(range: Range, limit: int, revision: int | None = None) -> Page:
        """
        At most C{limit} live versions of a range in key order, now or as of C{revision}.

        @raise ark.storage.errors.Compacted: C{revision} is before the floor.
        """

    async def list_joined(range: Range, limit: int, revision: int | None = None) -> JoinedPage:
        """
        The same as L{list}, with the bodies joined into one text.

        @raise ark.storage.errors.Compacted: C{revision} is before the floor.
        """

    async def count(range: Range, revision: int | None = None) -> int:
        """
        How many live keys a range has, now or as of C{revision}.

        @raise ark.storage.errors.Compacted: C{revision} is before the floor.
        """

    async def events(after: int, limit: int) -> EventPage:
        """
        At most C{limit} events with a revision above C{after}, in order, without gaps.

        An empty page means that nothing was committed after C{after} yet.

        @raise ark.storage.errors.Compacted: C{after} is before the floor.
        """

    async def current_revision() -> int:
        """
        The revision of the newest commit of any process; C{1} in a new store.
        """

    async def compact(revision: int) -> int:
        """
        Raise the floor to C{revision}, then drop what no reader at or above it can ask for.

        Dropped are versions that were replaced, and deletions that happened, at or
        before the floor.  The floor never falls and never passes the current revision.

        @return: how many versions were dropped.
        """

    async def compacted_revision() -> int:
        """
        The floor: the oldest revision that can be read.  C{0} when nothing was compacted.
        """

    async def ready() -> None:
        """
        Return when the store can be read and written.

        @raise ark.storage.errors.StorageError: it cannot; the message says why.
        """

    async def close() -> None:
        """
        Finish what is under way and release every file, thread and connection.
        """


class IChangeFeed(Interface):
    """
    Tells that something was committed.  Provided by backends beside L{IStorageBackend}.
    """

    def subscribe(wake: Callable[[], None]) -> Callable[[], None]:
        """
        Call C{wake} in the reactor thread soon after any commit of any process.

        It carries no data: the log is the truth.  It may be called without need, and
        is never late by more than the backend's polling interval.

        @return: call it to unsubscribe.
        """


class ITellsRevision(Interface):
    """
    Provided by change feeds that are told the revision of every commit, beside L{IChangeFeed}.

    It spares its followers the reading of a log that has nothing new for them.
    """

    def told() -> tuple[int, int] | None:
        """
        How often it began to be told, and the newest revision that it was told since, or knows
        of otherwise.  L{None} while it is not told.

        Who has read the log to its end after a beginning need not read it again before there
        is a revision that he has not.
        """


class IConnects(Interface):
    """
    Provided by backends whose database is a server, beside L{IStorageBackend}.
    """

    hears: bool = Attribute("Whether commits of others are told at once; else they are found by asking.")
    connections: int = Attribute("How many connections are open.")


class ITellsSize(Interface):
    """
    Provided by backends that know how large their database is, beside L{IStorageBackend}.
    """

    async def size() -> int:
        """
        How many bytes the database takes where it is kept, all of it included.

        It is asked for about once a minute.
        """


class IOpensBeside(Interface):
    """
    Provided by factories whose L{IStorageBackendFactory.open} keeps others out, beside it.
    """

    async def open_beside(config: Mapping[str, Any], reactor: Any) -> IStorageBackend:
        """
        Open a database that a server may have open at this time, to copy it.

        What is returned may be read, and held (L{IRestores.set_mark}), but not be committed to.

        @raise ark.storage.errors.UnusableDatabase: it is not there, or of another version.
        """


class IRestores(Interface):
    """
    What it takes to move a database from or to a backend as it is.

    A backend provides it beside L{IStorageBackend}, or can be adapted to it.

    A database may have a I{mark}, a text that its keeper understands.  As long as it has
    one, L{IStorageBackend.commit} of any process, whenever it was opened, raises
    L{ark.storage.errors.Unavailable}, and all else goes on.
    """

    async def resources() -> Sequence[str]:
        """
        All resources that have a version in the log, in order.
        """

    async def mark() -> str:
        """
        The mark; empty when there is none.
        """

    async def set_mark(text: str) -> None:
        """
        Mark the database, or take its mark away when C{text} is empty.

        When this returns with a mark, no commit is under way any more, and the mark
        survives the loss of power.
        """

    async def wipe(floor: int, mark: str) -> None:
        """
        Forget everything: an empty store whose floor is C{floor}, and its counter too (but
        at least C{1}), with C{mark}.

        In one transaction, or with a mark of the backend's own until it is done.
        """

    async def restore(versions: Sequence[Version], revision: int, mark: str) -> None:
        """
        Write versions with the revisions that they have, in one transaction, together with
        the counter and the mark.

        The database has a mark, and gets C{mark}, which may not be empty.  Versions come in
        the order of their revisions if any of them have the same key, and none comes twice.
        The newest version of a key is live unless it is a deletion.  Subscribers and
        watchers learn of them as of a commit.

        @param revision: what the counter is afterwards: never less than before, or than the
            revision of a version.
        @raise ark.storage.errors.StorageError: nothing was written, or, if it is
            C{OutcomeUnknown}, it may have been; the mark tells.
        """


class IReportsKinds(Interface):
    """
    Provided by backends that show kinds to people who read the database with SQL.
    """

    async def describe(kinds: Sequence[Any]) -> None:
        """
        Create or replace the stable views for these L{ark.apis.kind.Kind}s.
        """


class IAuthenticator(Interface):
    """
    Finds out who makes a request.
    """

    async def authenticate(request: Any) -> Any:
        """
        Return an L{ark.authentication.userinfo.UserInfo}, or L{None} for "not mine".

        @raise ark.meta.status.APIStatus: 401, the credentials are of this
            authenticator's sort but wrong.
        """


class IRemembersUsers(Interface):
    """
    Provided by authenticators that need not ask for some users, beside L{IAuthenticator}.
    """

    def remembered(request: Any) -> Any:
        """
        Return what C{authenticate} would, where that is known of an earlier request and nothing has
        changed that it depends on; L{None} where C{authenticate} must tell.
        """


class IAuthorizer(Interface):
    """
    Decides whether a user may do something.
    """

    async def authorize(attributes: Any) -> Any:
        """
        Return an L{ark.authorization.attributes.Decision} with a reason.
        """


class IRuleResolver(Interface):
    """
    Tells all that a user may do.  Provided by authorizers that can, beside L{IAuthorizer}.
    """

    async def rules_for(user: Any, namespace: str) -> Any:
        """
        The L{ark.authorization.rules.Rules} of an L{ark.authentication.userinfo.UserInfo} in
        a namespace.
        """


class IAdmissionPlugin(Interface):
    """
    May change or refuse an object on its way to storage.
    """

    reads_managed_fields: bool = Attribute(
        "Whether it looks at C{metadata.managedFields}; objects come without them otherwise."
    )

    def handles(operation: str) -> bool:
        """
        Whether it wants C{CREATE}, C{UPDATE} or C{DELETE}.  Asked once at start.
        """

    async def admit(attributes: Any) -> None:
        """
        Look at C{attributes} before validation; may change C{attributes.object}.

        @raise ark.meta.status.APIStatus: refused.
        """

    async def validate(attributes: Any) -> None:
        """
        Look at C{attributes} after validation; must not change anything.

        @raise ark.meta.status.APIStatus: refused.
        """


class ISelectiveAdmission(Interface):
    """
    Provided by admission plug-ins that are about some resources only, beside L{IAdmissionPlugin}.

    A write that concerns no plug-in costs next to nothing.
    """

    def concerns(subject: Any) -> bool:
        """
        Whether it may want to look at writes of an L{ark.admission.attributes.Subject} now.

        What was answered is remembered until the plug-in says that it changed.
        """

    def subscribe(changed: Callable[[], None]) -> None:
        """
        Have C{changed} called, in the reactor thread, whenever L{concerns} may answer otherwise.
        """


class ICluster(Interface):
    """
    The cluster that a server stands in, as its API sees it.
    """

    async def request(
        method: str,
        path: str,
        body: Mapping[str, Any] | Sequence[Any] | None = None,
        *,
        query: Mapping[str, str] | None = None,
        content_type: str = "application/json",
        timeout: float = 10.0,
    ) -> dict[str, Any]:
        """
        Ask once, and return the answer's object.

        @param path: begins with C{/}, each segment already quoted.
        @param timeout: seconds until the whole answer must be there.
        @raise ark.meta.status.APIStatus: the answer was a failure, as the cluster told it.
        @raise ark.cluster.errors.Unreachable: there was no answer.
        """

    def informer(path: str, query: Mapping[str, str] | None = None) -> IInformer:
        """
        Follow the objects of a collection, C{/api/v1/namespaces}; ask for some only with selectors in C{query}.

        Each call makes an informer of its own, which is not started.
        """


class IInformer(Interface):
    """
    A copy in memory of a collection of the cluster, kept up to date by a watch.
    """

    synced: bool = Attribute("Whether all objects there were at the start are here.  It stays true.")

    def start() -> None:
        """
        Begin to follow; what fails is tried again until L{stop}.
        """

    def stop() -> None:
        """
        Follow no more.  What is here stays.
        """

    async def wait() -> None:
        """
        Return once L{synced} is true.
        """

    def get(namespace: str, name: str) -> dict[str, Any] | None:
        """
        An object, not to be changed; C{namespace} is empty for kinds without.
        """

    def items() -> Sequence[dict[str, Any]]:
        """
        All objects, in the order of namespace and name, not to be changed.
        """

    def subscribe(changed: Callable[[], None]) -> Callable[[], None]:
        """
        Call C{changed} in the reactor thread after any number of changes, first when L{synced} becomes true.

        @return: call it to unsubscribe.
        """


class IServer(Interface):
    """
    What a plug-in sees of the server that it is part of.
    """

    registry: Any = Attribute("The kinds that are served now: an L{ark.apis.loader.KindRegistry}.")
    stores: Any = Attribute("Where objects are read and written: L{ark.registry.stores.Stores}.")
    cacher: Any = Attribute("The log of all changes, followed: an L{ark.watch.cacher.Cacher}.")
    authorizer: IAuthorizer = Attribute("Says what a user may do.")
    reactor: Any = Attribute("C{IReactorTime}, and C{IReactorCore} but in tests.")
    now: Callable[[], float] = Attribute("The time of day in seconds since the epoch.")


class ICustomEndpoint(IPlugin):
    """
    A path of its own beside the Kubernetes API.

    Found with L{twisted.plugin.getPlugins} when the server starts.
    """

    prefix: str = Attribute(
        "The path at and below which it answers, C{/v1/search}.  It may not be the server's own, "
        "nor at, above or below another plug-in's: the server does not start then."
    )

    def verb_for(request: Any) -> str:
        """
        The verb under which a request of it is authorized as a non-resource path.

        Asked of each L{ark.http.request.Request} before anything is known but its header:
        C{method}, C{path}, C{query} and C{header(name)}.  Must not block.  A request with
        the verb C{watch} may last; every other is cancelled after C{--request-timeout}.
        """

    def resource(server: IServer) -> Any:
        """
        The L{twisted.web.resource.IResource} that answers, made once when the server starts.

        It stands at the prefix as a child of a Twisted site would: C{prepath} is the
        prefix, C{postpath} what follows.  The requests that it gets are
        L{ark.http.webrequest.WebRequest}s, whose C{origin.user} says who asks.  What it
        raises becomes a C{Status}, an L{ark.meta.status.APIStatus} as it is.
        """
