"""Our catalogue as others read it: pages, kept encoded while nothing changes, for those only who may see them."""

from __future__ import annotations

import hmac
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Generic, TypeVar

from trustspace.adapters.http.compression import zipped
from trustspace.core.canon import decode64, digest, encode64
from trustspace.core.catalogue import Visitor
from trustspace.core.catalogue.published import Published
from trustspace.core.errors import InvalidInput, NotFound
from trustspace.ports import Store, Tx
from trustspace.protocols import dsp
from trustspace.services import shelves
from trustspace.services.negotiation import published
from trustspace.services.shelves import Place, Shelves
from trustspace.services.transfer import DIGEST, PULL, SIZE

T = TypeVar("T")

CODE: Final = "urn:trustspace:v1:productCode"
TOKEN: Final = "continuationToken"  # noqa: S105  # a name
"""The query parameter of a page's address."""
ROOM: Final = 768 << 10
"""Bytes of datasets on one page: readers take 1 MiB."""
KEPT_ENTRIES: Final = 8 << 20
KEPT_PAGES: Final = 16 << 20
KEPT_VISITORS: Final = 4096
_MAC: Final = 16


@dataclass(frozen=True)
class Shown:
    """An answer: its bytes, its tag, and the `Link` header where there are pages beside it."""

    body: bytes
    link: str = ""

    @cached_property
    def tag(self) -> str:
        """The ETag: the same for the same bytes and links, however they are compressed."""
        return f'W/"{digest(self.body + self.link.encode())[:32]}"'

    @cached_property
    def zipped(self) -> bytes:
        """The body as gzip, made when it is first asked for."""
        return zipped(self.body)

    @property
    def size(self) -> int:
        """About what it takes to keep it, both ways."""
        return len(self.body) * 5 // 4 + 256


class Kept(Generic[T]):
    """What was made last, up to a weight in all; the least recently used goes first."""

    def __init__(self, room: int, weigh: Callable[[T], int]) -> None:
        self._room, self._weigh, self._values = room, weigh, OrderedDict[Hashable, T]()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """The value of that key, made now where it is not kept."""
        if key in self._values:
            self._values.move_to_end(key)
            return self._values[key]
        value = self._values[key] = make()
        self._room -= self._weigh(value)
        while self._room < 0 and len(self._values) > 1:
            self._room += self._weigh(self._values.popitem(last=False)[1])
        return value


class Showcase:
    """The catalogue of a connector. `secret` seals the tokens of pages, `size` is how many products are on one."""

    def __init__(self, store: Store, me: str, base: str, *, secret: bytes, size: int) -> None:
        self._store, self._me, self._base, self._secret, self._size = store, me, base, secret, size
        self._head = dsp.CatalogView(f"{me}#catalog", me, services=(dsp.DataService(f"{me}#dsp", base),))
        self._entries: Kept[bytes] = Kept(KEPT_ENTRIES, len)
        self._pages: Kept[Shown] = Kept(KEPT_PAGES, lambda page: page.size)
        self._let: Kept[Shelves] = Kept(KEPT_VISITORS, lambda _: 1)

    async def catalogue(self, visitor: Visitor, token: str = "") -> Shown:
        """The page that a token names, the first without; `InvalidInput` for a token that is none of ours."""
        place = self._placed(token) if token else Place()
        return await self._store.read(lambda tx: self._page(tx, visitor, place))

    async def dataset(self, visitor: Visitor, name: str) -> Shown:
        """One dataset; `NotFound` as well where the visitor may not see it."""
        product = await self._store.read(lambda tx: shelves.shown(tx, name, visitor))
        return Shown(dsp.dataset_of(self._entry(product)))

    def _page(self, tx: Tx, visitor: Visitor, place: Place) -> Shown:
        edition = shelves.edition(tx)
        let = self._let.get((edition, visitor), lambda: shelves.shelves(tx, visitor))
        return self._pages.get((edition, let, place), lambda: self._made(tx, let, place))

    def _made(self, tx: Tx, let: Shelves, place: Place) -> Shown:
        try:
            found = shelves.page(
                tx, let, place, limit=self._size, room=ROOM, weigh=lambda product: len(self._entry(product))
            )
        except NotFound as error:
            raise InvalidInput("this page is not known here", where=TOKEN, hint="begin again") from error
        links = {"next": self._address(found.next), "previous": self._address(found.previous)}
        entries = [self._entry(product) for product in found.products]
        return Shown(dsp.catalog_of(self._head, entries), dsp.write_links(links))

    def _entry(self, product: Published) -> bytes:
        return self._entries.get((product.key, product.version), lambda: dsp.encode_entry(self._view(product)))

    def _view(self, product: Published) -> dsp.DatasetView:
        extra = ((DIGEST, product.digest), (SIZE, str(product.size)))
        return dsp.DatasetView(
            id=product.key,
            offers=(published(product),),
            distributions=(dsp.Distribution(PULL, f"{self._me}#dsp"),),
            title=product.title,
            extra=(*extra, *(((CODE, product.code),) if product.code else ())),
        )

    def _address(self, place: Place | None) -> str:
        return f"{self._base}/catalog/request?{TOKEN}={self._token(place)}" if place else ""

    def _token(self, place: Place) -> str:
        """A place that only we can name: a guess would tell whether there is such a product."""
        text = f">{place.after}" if place.after else f"<{place.before}"
        return encode64(self._mac(text.encode()) + text.encode())

    def _placed(self, token: str) -> Place:
        sealed = decode64(token, where=TOKEN)
        mac, text = sealed[:_MAC], sealed[_MAC:]
        if not hmac.compare_digest(mac, self._mac(text)):
            raise InvalidInput("this page is not known here", where=TOKEN, hint="begin again")
        key = text[1:].decode()
        return Place(after=key) if text.startswith(b">") else Place(before=key)

    def _mac(self, text: bytes) -> bytes:
        return hmac.digest(self._secret, text, "sha256")[:_MAC]
