"""Canonical JSON (RFC 8785), the bytes that bundle hashes are taken over.

Numbers are written as ECMAScript's `Number::toString` prints them. Python's `repr` already finds
the same shortest digits; only the place of the point and the exponent differ.
"""

from __future__ import annotations

import hashlib
import math
from typing import Any

# Whole numbers beyond this cannot be told apart once JavaScript has read them.
_SAFE_INTEGER_MAX = 2**53 - 1
_ESCAPES = {
    '"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t",
}


def canonical_json(value: Any) -> str:
    """Writes a JSON value in canonical form; raises ValueError on what JSON cannot say.

    >>> canonical_json({'b': 1e21, 'a': [1e-7, 0.1, True, None]})
    '{"a":[1e-7,0.1,true,null],"b":1e+21}'
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        if abs(value) > _SAFE_INTEGER_MAX:
            raise ValueError(f"the integer {value} is not exact in JavaScript")
        return str(value)
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(canonical_json(item) for item in value) + "]"
    if isinstance(value, dict):
        # Keys are ordered by UTF-16 code units, which differs from code points above U+FFFF.
        keys = sorted(value, key=lambda key: key.encode("utf-16-be"))
        return "{" + ",".join(f"{_string(key)}:{canonical_json(value[key])}" for key in keys) + "}"
    raise ValueError(f"{type(value).__name__} is not a JSON value")


def canonical_hash(value: Any) -> str:
    """SHA-256 of the canonical form, in hexadecimal."""
    return hashlib.sha256(canonical_json(value).encode("utf-8")).hexdigest()


def _string(text: str) -> str:
    parts = [
        _ESCAPES.get(char) or (f"\\u{ord(char):04x}" if char < " " else char) for char in text
    ]
    return '"' + "".join(parts) + '"'


def _number(value: float) -> str:
    if not math.isfinite(value):
        raise ValueError(f"{value} is not a JSON number")
    if value == 0:
        return "0"
    sign = "-" if value < 0 else ""
    mantissa, _, exponent = repr(abs(value)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    # The value is 0.digits times ten to the power of point.
    padded = whole + fraction
    leading = len(padded) - len(padded.lstrip("0"))
    digits = padded.strip("0")
    point = len(whole) - leading + (int(exponent) if exponent else 0)
    return sign + _place_point(digits, point)


def _place_point(digits: str, point: int) -> str:
    if len(digits) <= point <= 21:
        return digits + "0" * (point - len(digits))
    if 0 < point <= 21:
        return digits[:point] + "." + digits[point:]
    if -6 < point <= 0:
        return "0." + "0" * -point + digits
    exponent = f"e{'+' if point > 0 else '-'}{abs(point - 1)}"
    return digits[0] + ("." + digits[1:] if len(digits) > 1 else "") + exponent
