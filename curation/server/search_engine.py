"""A search engine that answers from Argilla's own database. Importing this registers it under the name ``database``.

There is no index to keep in step: Argilla commits to its database before it tells its search engine, and a search is a
``SELECT``. Made for some ten thousand records a dataset, in SQLite.
"""

import hashlib
import json
from collections.abc import Iterable
from typing import Any
from uuid import UUID

import numpy as np
import text_match
from argilla_server.database import AsyncSessionLocal, async_engine
from argilla_server.enums import FieldType, MetadataPropertyType, SimilarityOrder
from argilla_server.models import (
    Dataset,
    Field,
    MetadataProperty,
    Record,
    Response,
    Suggestion,
    User,
    Vector,
    VectorSettings,
)
from argilla_server.search_engine.base import (
    Filter,
    FloatMetadataMetrics,
    IntegerMetadataMetrics,
    MetadataMetrics,
    Order,
    SearchEngine,
    SearchResponseItem,
    SearchResponses,
    TermsMetrics,
    TextQuery,
)
from conditions import NUMBERS, condition, json_items, order, term
from sqlalchemy import ColumnElement, event, func, select, text, true, type_coerce
from sqlalchemy.types import String

BATCH = 1000  # vectors that are in memory at once


def prepare_connections() -> None:
    """Give each connection to the database the functions that queries use; errors don't quote texts and secrets."""
    async_engine.sync_engine.hide_parameters = True

    @event.listens_for(async_engine.sync_engine, "connect")
    def add_functions(connection: Any, _: Any) -> None:
        connection.create_function("text_matches", 3, text_match.matches, deterministic=True)
        connection.create_function("place_for", 2, _place_for, deterministic=True)


def _place_for(user: str, record: str) -> bytes:
    """Where a record stands in a user's own order, which is random, always the same and another for each user."""
    return hashlib.blake2b(record.encode(), key=user.encode(), digest_size=8).digest()


@SearchEngine.register(engine_name="database")
class DatabaseSearchEngine(SearchEngine):
    """Argilla's :class:`SearchEngine` on SQLite. Scores of a search are 1, those of similarity (1 + cosine) / 2."""

    @classmethod
    async def new_instance(cls) -> "DatabaseSearchEngine":
        """One for a request."""
        return cls()

    async def close(self) -> None:
        """Nothing is open between queries."""

    async def ping(self) -> bool:
        """Whether the database answers, and knows JSON."""
        async with AsyncSessionLocal() as db:
            return bool((await db.execute(text("SELECT json_valid('{}')"))).scalar_one())

    async def info(self) -> dict[str, Any]:
        """What Argilla's status says of it."""
        async with AsyncSessionLocal() as db:
            version = (await db.execute(text("SELECT sqlite_version()"))).scalar_one()
        return {"name": "database", "version": {"number": version, "distribution": "sqlite"}}

    async def create_index(self, dataset: Dataset) -> None:
        """The database is the index."""

    async def delete_index(self, dataset: Dataset) -> None:
        """The database is the index."""

    async def configure_metadata_property(self, dataset: Dataset, metadata_property: MetadataProperty) -> None:
        """The database is the index."""

    async def configure_index_vectors(self, vector_settings: VectorSettings) -> None:
        """The database is the index."""

    async def index_records(self, dataset: Dataset, records: Iterable[Record]) -> None:
        """The database is the index."""

    async def partial_record_update(self, record: Record, **update: Any) -> None:
        """The database is the index."""

    async def delete_records(self, dataset: Dataset, records: Iterable[Record]) -> None:
        """The database is the index."""

    async def update_record_response(self, response: Response) -> None:
        """The database is the index."""

    async def delete_record_response(self, response: Response) -> None:
        """The database is the index."""

    async def update_record_suggestion(self, suggestion: Suggestion) -> None:
        """The database is the index."""

    async def delete_record_suggestion(self, suggestion: Suggestion) -> None:
        """The database is the index."""

    async def get_dataset_progress(self, dataset: Dataset) -> dict[str, int]:
        """How many records there are in all, and of each status."""
        counted = select(type_coerce(Record.status, String), func.count()).group_by(Record.status)
        return await _counts(dataset, counted.where(Record.dataset_id == dataset.id))

    async def get_dataset_user_progress(self, dataset: Dataset, user: User) -> dict[str, int]:
        """How many records a user has answered in all, and with each status."""
        counted = select(type_coerce(Response.status, String), func.count()).join(Record).group_by(Response.status)
        return await _counts(dataset, counted.where(Record.dataset_id == dataset.id, Response.user_id == user.id))

    async def search(
        self,
        dataset: Dataset,
        query: TextQuery | str | None = None,
        filter: Filter | None = None,
        sort: list[Order] | None = None,
        offset: int = 0,
        limit: int = 100,
        user_id: UUID | None = None,
    ) -> SearchResponses:
        """A page of the records that match; without ``sort`` in the user's own order, or as they came in."""
        where = await _where(dataset, query, filter)
        by = [order(one) for one in sort or ()]
        if user_id and not by:
            by = [func.place_for(str(user_id), type_coerce(Record.id, String))]
        page = select(Record.id, func.count().over()).where(*where).order_by(*by, Record.inserted_at, Record.id)
        async with AsyncSessionLocal() as db:
            rows = (await db.execute(page.limit(limit).offset(offset))).all()
            if rows or not offset:
                total = rows[0][1] if rows else 0
            else:
                total = (await db.execute(select(func.count()).select_from(Record).where(*where))).scalar_one()
        return SearchResponses(items=[SearchResponseItem(record_id=row[0], score=1.0) for row in rows], total=total)

    async def similarity_search(
        self,
        dataset: Dataset,
        vector_settings: VectorSettings,
        value: list[float] | None = None,
        record: Record | None = None,
        query: TextQuery | str | None = None,
        filter: Filter | None = None,
        max_results: int = 100,
        order: SimilarityOrder = SimilarityOrder.most_similar,
        threshold: float | None = None,
    ) -> SearchResponses:
        """The records whose vectors are nearest to a vector, or farthest from it, by their cosine; best first."""
        wanted = value or (record.vector_value_by_vector_settings(vector_settings) if record else None)
        if not wanted:
            raise ValueError("a similarity search needs a vector, or a record that has one")
        where = [*await _where(dataset, query, filter), Vector.vector_settings_id == vector_settings.id]
        if record is not None:
            where.append(Record.id != record.id)
        target = np.asarray(wanted, float) * (-1 if order == SimilarityOrder.least_similar else 1)
        best: list[tuple[float, UUID]] = []
        async with AsyncSessionLocal() as db:
            rows = select(Record.id, Vector.value).join(Vector, Vector.record_id == Record.id).where(*where)
            stream = await db.stream(rows.order_by(Record.inserted_at, Record.id).execution_options(yield_per=BATCH))
            async for part in stream.partitions():
                scores = _similarity(np.asarray([row[1] for row in part], float), target)
                best += zip(scores.tolist(), (row[0] for row in part), strict=True)
                best = sorted(best, key=lambda one: -one[0])[:max_results]
        items = [
            SearchResponseItem(record_id=found, score=score)
            for score, found in best
            if threshold is None or score >= threshold
        ]
        return SearchResponses(items=items, total=len(items))

    async def compute_metrics_for(self, metadata_property: MetadataProperty) -> MetadataMetrics:
        """What values a metadata property has in the records: each with its count, or the least and the greatest."""
        items = json_items(Record.metadata_, metadata_property.name)
        here = (Record.dataset_id == metadata_property.dataset_id, items.c.type != "null")
        async with AsyncSessionLocal() as db:
            if metadata_property.type == MetadataPropertyType.terms:
                counted = select(term(items), func.count()).select_from(Record).join(items, true()).where(*here)
                most_first = counted.group_by(term(items)).order_by(func.count().desc(), term(items))
                values = [
                    TermsMetrics.TermCount(term=name, count=n) for name, n in (await db.execute(most_first)).all()
                ]
                return TermsMetrics(total=sum(value.count for value in values), values=values)
            ends = select(func.min(items.c.value), func.max(items.c.value)).select_from(Record).join(items, true())
            least, most = (await db.execute(ends.where(*here, items.c.type.in_(NUMBERS)))).one()
        integer = metadata_property.type == MetadataPropertyType.integer
        return (IntegerMetadataMetrics if integer else FloatMetadataMetrics)(min=least, max=most)


async def _counts(dataset: Dataset, counted: Any) -> dict[str, int]:
    if dataset.is_draft:
        return {}
    async with AsyncSessionLocal() as db:
        counts: dict[str, int] = dict((await db.execute(counted)).tuples().all())
    return {"total": sum(counts.values()), **counts}


async def _where(dataset: Dataset, query: TextQuery | str | None, filter: Filter | None) -> list[ColumnElement[bool]]:
    where: list[ColumnElement[bool]] = [Record.dataset_id == dataset.id]
    if filter:
        where.append(condition(filter))
    if query is not None:
        asked = TextQuery(q=query) if isinstance(query, str) else query
        names = [asked.field] if asked.field else await _text_fields(dataset)
        where.append(func.text_matches(type_coerce(Record.fields, String), asked.q, json.dumps(names)))
    return where


async def _text_fields(dataset: Dataset) -> list[str]:
    """The fields that hold texts; an image is an address, or the image itself."""
    async with AsyncSessionLocal() as db:
        fields = (await db.execute(select(Field).where(Field.dataset_id == dataset.id))).scalars().all()
    return [field.name for field in fields if field.settings["type"] != FieldType.image]


def _similarity(vectors: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Of ``(rows, dimensions)`` vectors to one: (1 + cosine) / 2, from 0 to 1; 1/2 where a vector is all zeros."""
    lengths = np.linalg.norm(vectors, axis=1) * np.linalg.norm(target)
    cosines = np.divide(vectors @ target, lengths, out=np.zeros(len(vectors)), where=lengths > 0)
    return (1 + cosines) / 2
