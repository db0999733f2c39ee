"""Argilla's filters and orders as SQL on its own database (SQLite). They mean what they mean to Argilla's own engines:

a list has a value when one of its items has it; records without a value come last, in either order; a draft's values count.
"""

import datetime
from typing import Any, assert_never
from uuid import UUID

from argilla_server.enums import ResponseStatusFilter, SortOrder
from argilla_server.errors.future import UnprocessableEntityError
from argilla_server.models import Question, Record, Response, Suggestion
from argilla_server.search_engine.base import (
    AndFilter,
    Filter,
    FilterScope,
    MetadataFilterScope,
    Order,
    RangeFilter,
    RecordFilterScope,
    ResponseFilterScope,
    SuggestionFilterScope,
    TermsFilter,
)
from sqlalchemy import ColumnElement, String, and_, case, cast, func, literal, not_, or_, select, true, type_coerce
from sqlalchemy.sql.selectable import Select, TableValuedAlias

NUMBERS = ("integer", "real")
"""What SQLite calls numbers in JSON."""
_DATES = ("inserted_at", "updated_at")


def condition(of: Filter) -> ColumnElement[bool]:
    """What a filter asks of a record."""
    if isinstance(of, AndFilter):
        return and_(true(), *map(condition, of.filters))
    match of.scope:
        case MetadataFilterScope(metadata_property=name):
            return _some_item(json_items(Record.metadata_, name), of)
        case RecordFilterScope(property=name):
            return _of_record(name, of)
        case SuggestionFilterScope(question=question):
            return _of_suggestion(_suggestions(question, select(Suggestion.id)), of.scope, of)
        case ResponseFilterScope(question=None):
            return _of_status(of)
        case ResponseFilterScope(question=question):
            items = json_items(Response.values, question, "value")
            return _responses(of.scope).where(_some_item(items, of)).exists()
        case never:
            assert_never(never)


def order(by: Order) -> ColumnElement[Any]:
    """What records are ordered by; those without a value come last."""
    descending = by.order == SortOrder.desc
    value = _sort_value(by.scope, descending)
    return (value.desc() if descending else value.asc()).nulls_last()


def json_items(column: Any, *names: str) -> TableValuedAlias:
    """The value at a path of a JSON column as rows ``value, type``: the items of a list, or the value alone."""
    path = "$" + "".join(f'."{name}"' for name in names)
    return func.json_each(column, path).table_valued("value", "type", joins_implicitly=True)


def term(items: TableValuedAlias) -> ColumnElement[str]:
    """An item as the text by which a filter names it."""
    return case((items.c.type.in_(("true", "false")), items.c.type), else_=cast(items.c.value, String))


def _some_item(items: TableValuedAlias, of: TermsFilter | RangeFilter) -> ColumnElement[bool]:
    return select(literal(1)).select_from(items).where(items.c.type != "null", _item_holds(items, of)).exists()


def _item_holds(items: TableValuedAlias, of: TermsFilter | RangeFilter) -> ColumnElement[bool]:
    numeric = items.c.type.in_(NUMBERS)
    if isinstance(of, RangeFilter):
        return and_(numeric, *_between(items.c.value, _number(of.ge), _number(of.le)))
    numbers = [number for value in of.values if (number := _as_number(value)) is not None]
    return or_(term(items).in_(of.values), and_(numeric, items.c.value.in_(numbers)))


def _between(value: Any, least: Any, most: Any) -> list[ColumnElement[bool]]:
    return [*([value >= least] if least is not None else []), *([value <= most] if most is not None else [])]


def _as_number(value: str | float) -> float | None:
    try:
        return float(value)
    except ValueError:
        return None


def _number(bound: str | float | None) -> float | None:
    if bound is None:
        return None
    if (number := _as_number(bound)) is None:
        raise UnprocessableEntityError(f"{bound!r} is not a number")
    return number


def _of_record(name: str, of: TermsFilter | RangeFilter) -> ColumnElement[bool]:
    column = getattr(Record, name)
    if isinstance(of, RangeFilter):
        if name in _DATES:
            return and_(true(), *_between(column, _moment(of.ge), _moment(of.le, last=True)))
        dashes = "-" if name == "id" else ""  # which the database does not store
        least, most = (None if bound is None else str(bound).replace(dashes, "") for bound in (of.ge, of.le))
        return and_(true(), *_between(type_coerce(column, String), least, most))
    if name == "id":
        return column.in_([found for value in of.values if (found := _uuid(value)) is not None])
    if name in _DATES:
        return or_(*(and_(*_between(column, _moment(value), _moment(value, last=True))) for value in of.values))
    return type_coerce(column, String).in_(of.values)


def _uuid(value: str) -> UUID | None:
    try:
        return UUID(value)
    except ValueError:
        return None


def _moment(bound: str | float | None, last: bool = False) -> datetime.datetime | None:
    """A bound of a date: ISO 8601 (a day alone means its first moment, or its ``last``), or milliseconds since 1970."""
    if bound is None:
        return None
    try:
        if (number := _as_number(bound)) is not None:
            moment = datetime.datetime.fromtimestamp(number / 1000, datetime.UTC)
        else:
            moment = datetime.datetime.fromisoformat(str(bound))
            if last and len(str(bound)) <= len("2026-01-01"):
                moment += datetime.timedelta(days=1, microseconds=-1)
        return moment.astimezone(datetime.UTC).replace(tzinfo=None) if moment.tzinfo else moment
    except (ValueError, OverflowError, OSError):
        raise UnprocessableEntityError(f"{bound!r} is not a date") from None


def _suggestions(question: str, what: Select[Any]) -> Select[Any]:
    joined = what.join(Question, Question.id == Suggestion.question_id)
    return joined.where(Suggestion.record_id == Record.id, Question.name == question)


def _property(scope: SuggestionFilterScope) -> str:
    """Argilla writes the missing property of a scope as the text ``None``: it means the value."""
    return scope.property if scope.property in ("score", "agent", "type") else "value"


def _of_suggestion(
    found: Select[Any], scope: SuggestionFilterScope, of: TermsFilter | RangeFilter
) -> ColumnElement[bool]:
    name = _property(scope)
    column = getattr(Suggestion, name)
    if name in ("value", "score"):
        return found.where(_some_item(json_items(column), of)).exists()
    text = type_coerce(column, String)
    if isinstance(of, TermsFilter):
        return found.where(text.in_(of.values)).exists()
    return found.where(*_between(text, of.ge, of.le)).exists()


def _responses(scope: ResponseFilterScope) -> Select[Any]:
    found = select(Response.id).where(Response.record_id == Record.id)
    return found.where(Response.user_id == scope.user.id) if scope.user else found


def _of_status(of: TermsFilter | RangeFilter) -> ColumnElement[bool]:
    if isinstance(of, RangeFilter) or of.scope.property != "status":
        raise UnprocessableEntityError("a filter of responses names a question, or statuses")
    found = _responses(of.scope)
    answered = found.where(type_coerce(Response.status, String).in_(of.values)).exists()
    return or_(answered, not_(found.exists())) if ResponseStatusFilter.pending in of.values else answered


def _sort_value(scope: FilterScope, descending: bool) -> ColumnElement[Any]:
    extreme = func.max if descending else func.min
    match scope:
        case RecordFilterScope(property=name):
            return type_coerce(getattr(Record, name), String) if name == "status" else getattr(Record, name)
        case MetadataFilterScope(metadata_property=name):
            items = json_items(Record.metadata_, name)
            return select(extreme(items.c.value)).select_from(items).scalar_subquery()
        case SuggestionFilterScope(question=question):
            name = _property(scope)
            column = getattr(Suggestion, name)
            if name in ("agent", "type"):
                return _suggestions(question, select(type_coerce(column, String))).scalar_subquery()
            items = json_items(column)
            return _suggestions(question, select(extreme(items.c.value)).select_from(Suggestion)).scalar_subquery()
        case ResponseFilterScope(question=None):
            return _responses(scope).with_only_columns(extreme(type_coerce(Response.status, String))).scalar_subquery()
        case ResponseFilterScope(question=question):
            items = json_items(Response.values, question, "value")
            middle = case((func.min(items.c.type).in_(NUMBERS), func.avg(items.c.value)), else_=extreme(items.c.value))
            return _responses(scope).with_only_columns(middle).scalar_subquery()
        case never:
            assert_never(never)
