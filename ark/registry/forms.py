"""
Objects between the version that is stored and the one that is served.

Follows C{crdConversionRESTOptionsGetter} in C{pkg/apiserver/customresource_handler.go} of
C{k8s.io/apiextensions-apiserver}; contract 21.3.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from ark.admission.chain import AdmissionChain
from ark.apis.kind import Kind
from ark.apply import managedfields
from ark.apply.managedfields import ManagedFields
from ark.meta.records import Version
from ark.registry.codec import Codec, Object, same_json
from ark.registry.conversion.texts import ConvertedTexts
from ark.registry.conversion.webhook import WebhookConversion
from ark.registry.core import strategy_for
from ark.registry.equivalents import Equivalents
from ark.registry.fieldtracking import VersionOf
from ark.registry.judging import Judging
from ark.registry.schema import Processor, compile_schema


class Forms(Judging):
    """
    Reads what is stored of one served version of one resource, and makes what is to be stored.

    @ivar kind: the version that clients see.
    @ivar storage_kind: the version that objects are stored in.
    @ivar converts: whether that is another version than the one objects are stored in.
    @ivar reshapes: whether a stored text may be another than the one that is served.
    @ivar conversion: says what objects are in another version, where a webhook does.
    @ivar texts: what it said of stored texts.  Before one of them is served, decoded or
        looked into it has to be prepared.
    """

    def __init__(
        self,
        kind: Kind,
        storage_kind: Kind,
        admission: AdmissionChain,
        version_of: VersionOf | None = None,
        conversion: WebhookConversion | None = None,
        kinds: Sequence[Kind] = (),
    ) -> None:
        """
        @param version_of: finds the kind in its other versions; by default there are none but
            that which objects are stored in.
        @param kinds: all versions of the resource, in which objects may have been stored.
        """
        strategy = strategy_for(kind)
        super().__init__(strategy, strategy.processor(), admission, Equivalents(kind, kinds, conversion))
        self.storage_kind = storage_kind
        self.codec = Codec(storage_kind.api_version, storage_kind.kind)
        self.served_codec = Codec(kind.api_version, kind.kind)
        self.converts = kind.api_version != storage_kind.api_version
        self._since = kind.since
        self.conversion = conversion
        self.texts = None if conversion is None else ConvertedTexts(self._converted, self.served_codec.wrote)
        self._others = len(kinds) > 1
        self.reshapes = self.converts or self._others or self._since > 0
        self._storage_processor = compile_schema(storage_kind) if self.converts else self.processor
        # By what objects say that their version is.
        self._processors: dict[str, Processor | None] = {
            kind.api_version: self.processor,
            storage_kind.api_version: self._storage_processor,
        }
        self._kept_names = dict(kind.kept_names)
        self._served_names = {kept: name for name, kept in kind.kept_names.items()}
        known = {kind.version: kind, storage_kind.version: storage_kind}
        self._version_of = version_of or known.get

    # What is stored

    def serve(self, text: bytes) -> bytes:
        """
        A stored text in the version of this store.
        """
        if self._is_asked(text):
            return self._at_hand(text)
        if not self.reshapes or (not self.converts and self._is_as_served(text)):
            return text
        obj, managed = self.codec.decode_apart(text)
        obj = self._served_form(obj)
        return self.served_codec.encode(obj, managed).at(int(obj["metadata"]["resourceVersion"]))

    def _is_as_served(self, text: bytes) -> bool:
        if self._others and not self.served_codec.wrote(text):
            return False
        return not self._since or self.codec.revision(text) >= self._since

    def decode(self, text: bytes) -> Object:
        """
        The object of a stored text in the version of this store, a new one at each call.
        """
        obj = self.codec.decode(self._at_hand(text))
        return obj if self._is_asked(text) else self._served_form(obj)

    def live(self, version: Version) -> tuple[Object, ManagedFields]:
        """
        A stored object in the version of this store, a new one at each call, without its
        C{metadata.managedFields}, and these.
        """
        obj, managed = self.codec.decode_apart(self._at_hand(version.body))
        form = obj if self._is_asked(version.body) else self._served_form(obj)
        return form, managedfields.read(managed)

    def _served_form(self, obj: Object) -> Object:
        """
        A stored object as it is read: with the defaults of the version that it is stored in, and
        the members that both know (C{crdConversionRESTOptionsGetter} in
        C{pkg/apiserver/customresource_handler.go} of apiextensions).
        """
        said, wanted = obj["apiVersion"], self.kind.api_version
        if said == wanted:
            if self.converts or (self._since and int(obj["metadata"]["resourceVersion"]) < self._since):
                self.processor.settle(obj)
            return obj
        if self._served_names:
            obj = _without_empty(_renamed(obj, self._served_names))
            obj["apiVersion"] = wanted
            self.processor.settle(obj)
            return obj
        self._settle_stored(obj)
        obj["apiVersion"] = wanted
        self.processor.take(obj)
        return obj

    def _settle_stored(self, obj: Object) -> None:
        """
        Prune an object and give it its defaults in the version that it was stored in, if there still is one.
        """
        said = str(obj["apiVersion"])
        if said not in self._processors:
            kind = self._version_of(said.rpartition("/")[2])
            self._processors[said] = compile_schema(kind) if kind is not None else None
        processor = self._processors[said]
        if processor is not None:
            processor.settle(obj)

    # Webhooks

    def _is_asked(self, text: bytes) -> bool:
        """
        Whether a webhook says what a stored text is.
        """
        return self.texts is not None and not self.served_codec.wrote(text)

    def _at_hand(self, text: bytes) -> bytes:
        """
        A stored text as a webhook has it, which was asked before; as it is where there is none.
        """
        if self.texts is None:
            return text
        found = self.texts.get(text)
        if found is None:
            raise RuntimeError("a text is used before it was prepared")
        return found

    async def prepare(self, texts: Iterable[bytes]) -> None:
        """
        Return when stored texts can be served, decoded and looked into.

        @raise APIStatus: 500, a webhook does not say what they are.
        """
        if self.texts is not None:
            await self.texts.prepare(texts)

    async def _converted(self, texts: Sequence[bytes]) -> list[bytes]:
        assert self.conversion is not None
        taken = [self.codec.decode_apart(text) for text in texts]
        for obj, _ in taken:
            self._settle_stored(obj)
        made = await self.conversion.convert([obj for obj, _ in taken], self.kind.api_version)
        return [self._pruned(obj, managed) for obj, (_, managed) in zip(made, taken, strict=True)]

    def _pruned(self, obj: Object, managed: bytes) -> bytes:
        self.processor.take(obj)
        return self.served_codec.encode(obj, managed).at(int(obj["metadata"]["resourceVersion"]))

    def fields(self, text: bytes) -> dict[str, str]:
        """
        The values that field selectors compare, but those of the key.
        """
        # What has other names in the stored version is read by these.
        obj = self.codec.decode(text) if self._kept_names else self.decode(text)
        return {name: read(obj) for name, read in self.kind.field_readers}

    # What is to be stored

    def stored_form(self, obj: Object, before: bytes = b"") -> Object:
        """
        An object as the version that is stored has it, with its defaults, so that the text can be served
        as it is; it may be changed for that.

        Where a webhook has to be asked, L{asked_form} does.

        @param before: what is there: parts of it may come from another version.
        """
        if self._kept_names:
            obj = _renamed(obj, self._kept_names)
        if self.converts or (before and not self.codec.wrote(before)):
            self._storage_processor.settle(obj)
        return obj

    async def asked_form(self, obj: Object) -> Object:
        """
        The same, as a webhook has it.

        @raise APIStatus: 500, it does not say.
        """
        if self.conversion is None or not self.converts:
            return obj
        (made,) = await self.conversion.convert([obj], self.storage_kind.api_version)
        self._storage_processor.settle(made)
        return made

    def shown(self, obj: Object, before: bytes = b"") -> Object:
        """
        An object in the version of this store as it is read once it was stored; it may be changed for that.

        What a webhook would say of it is left out.

        @param before: see L{stored_form}.
        """
        if self.texts is None and not self._kept_names:
            self.stored_form(obj, before)
            if self.converts:
                self.processor.take(obj)
        return obj

    def is_stored(self, obj: Object, version: Version) -> bool:
        """
        Whether an object, as it would be stored, is just what a version holds.

        One that was stored in another version, or under another schema, may not be though it is read
        the same.
        """
        text = version.body
        if self.kind.typed or not self.reshapes or (not self.converts and self._is_as_served(text)):
            return True
        if not self.codec.wrote(text):
            return False
        stored, _ = self.codec.decode_apart(text)
        return same_json({**obj, "apiVersion": stored["apiVersion"]}, stored)

    def answering(self, obj: Object, managed: ManagedFields) -> Callable[[Version], bytes]:
        """
        What gives the text of an object, in the version of this store, once it was stored as some
        L{Version}; it holds the object only where that is not the text that was stored.
        """
        if not self.converts:
            return _body_of
        if self.texts is not None:
            return lambda version: self._at_hand(version.body)
        body = self.served_codec.encode(self.shown(obj), managed.text)
        return lambda version: body.at(version.revision)


def _body_of(version: Version) -> bytes:
    return version.body


def _renamed(obj: Object, names: dict[str, str]) -> Object:
    return {names.get(member, member): value for member, value in obj.items()}


def _without_empty(obj: Object) -> Object:
    return {member: value for member, value in obj.items() if value != ""}
