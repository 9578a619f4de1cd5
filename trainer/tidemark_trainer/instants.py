"""Instants are integer milliseconds UTC, as everywhere in Tidemark."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from tidemark_trainer.errors import UsageError

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def parse_instant(text: str) -> int:
    """Reads an ISO date or date-time; without a zone it is UTC.

    >>> parse_instant('2011-10-10')
    1318204800000
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"{text!r} is not an ISO date or date-time") from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def format_instant(instant_ms: int) -> str:
    """Writes an instant as `tidemark` does, midnight included.

    >>> format_instant(1318204800000)
    '2011-10-10T00:00:00.000Z'
    """
    moment = _EPOCH + timedelta(milliseconds=int(instant_ms))
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
