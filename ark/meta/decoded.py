"""
What reading a text gives, and how it fails.
"""

from __future__ import annotations

from typing import Any, NamedTuple

MAX_DEPTH = 254
"""
How deep a document may nest.  What is read must be written again, and the encoder goes no
deeper; Kubernetes stops at 10000.
"""


class DecodeError(ValueError):
    """
    A text that is refused; the message is for the client, in Go's words where Go refuses
    it too.
    """


class Decoded(NamedTuple):
    """
    A decoded text.

    @ivar duplicates: paths of members that occurred more than once, such as
        C{spec.ports[0].name}, in the order of the text and each once; the last of the
        members is in C{value}.
    """

    value: Any
    duplicates: list[str]
