"""
Users who show a bearer token that stands in a file.

Follows C{k8s.io/apiserver/pkg/authentication/token/tokenfile}.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from hashlib import sha256
from hmac import compare_digest
from typing import Any

from zope.interface import implementer

from ark.authentication.bearer import token_of
from ark.authentication.userinfo import UserInfo, authenticated
from ark.interfaces import IAuthenticator
from ark.meta.status import unauthorized


class InvalidTokenFile(Exception):
    """
    A token file does not have the form C{token,user,uid[,"group1,group2"]}.
    """


@implementer(IAuthenticator)
class TokenFileAuthenticator:
    """
    Bearer tokens from a table.

    @param users: by token.
    """

    def __init__(self, users: dict[str, UserInfo]) -> None:
        # By digest: how long a lookup takes then tells nothing of the tokens.
        self._users = {_digest(token): (token.encode(), user) for token, user in users.items()}

    async def authenticate(self, request: Any) -> UserInfo | None:
        """
        The user whose token the C{Authorization} header carries.

        @return: L{None} without a bearer token.
        @raise APIStatus: 401, the token is unknown.
        """
        token = token_of(request)
        if token is None:
            return None
        known = self._users.get(sha256(token).digest())
        if known is None or not compare_digest(known[0], token):
            raise unauthorized()
        return known[1]


def _digest(token: str) -> bytes:
    return sha256(token.encode()).digest()


def read_token_file(lines: Iterable[str]) -> dict[str, UserInfo]:
    """
    The users of a token file by their tokens; of a repeated token the last line counts.

    @raise InvalidTokenFile: a line has fewer than three columns or an empty token or user.
    """
    users = {}
    reader = csv.reader(lines)
    try:
        for row in reader:
            if not row:
                continue
            columns = [column.strip() for column in row]
            if len(columns) < 3:
                raise InvalidTokenFile(
                    f"line {reader.line_num} has {len(columns)} columns, not three or more"
                )
            token, name, uid = columns[:3]
            if not token or not name:
                raise InvalidTokenFile(f"line {reader.line_num} has an empty token or user name")
            groups = tuple(group for group in columns[3].split(",") if group) if len(columns) > 3 else ()
            users[token] = authenticated(UserInfo(name, uid, groups))
    except csv.Error as error:
        raise InvalidTokenFile(f"line {reader.line_num}: {error}") from None
    return users
