"""RFC 8785: the same bytes as JavaScript's JSON.stringify over sorted keys."""

import json
import shutil
import struct
import subprocess

import numpy as np
import pytest

from tidemark_trainer.canonical import canonical_hash, canonical_json


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"), (-0.0, "0"), (1.0, "1"), (-1.5, "-1.5"), (0.1, "0.1"), (1e-6, "0.000001"),
        (1e-7, "1e-7"), (1.25e-9, "1.25e-9"), (1e20, "100000000000000000000"), (1e21, "1e+21"),
        (1.5e300, "1.5e+300"), (5e-324, "5e-324"),
        (1.7976931348623157e308, "1.7976931348623157e+308"),
        (123456789012345680000.0, "123456789012345680000"),
        (333333333.33333329, "333333333.3333333"),
        (4.50, "4.5"), (2e-3, "0.002"), (9007199254740991, "9007199254740991"),
        (0.3 + 0.6, "0.8999999999999999"),
    ],
)
def test_a_number_is_written_as_javascript_prints_it(value, text):
    assert canonical_json(value) == text


def test_keys_are_ordered_by_utf16_units_and_texts_are_escaped_the_least():
    value = {"\ufb33": 1, "\U0001f600": 2, "\u20ac": 3, "\r": 4, "1": 5, "a": "\u0001\"\\\n/é"}
    assert canonical_json(value) == (
        '{"\\r":4,"1":5,"a":"\\u0001\\"\\\\\\n/é","\u20ac":3,"\U0001f600":2,"\ufb33":1}'
    )


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 2**53, {1, 2}, b"bytes"])
def test_what_json_cannot_say_is_refused(value):
    with pytest.raises(ValueError):
        canonical_json(value)


def test_the_hash_is_of_the_canonical_bytes():
    assert canonical_hash({}) == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_random_doubles_are_written_as_node_writes_them():
    bits = np.random.default_rng(1).integers(0, 2**63, 20_000, dtype=np.uint64)
    values = [struct.unpack("<d", struct.pack("<Q", int(bit)))[0] for bit in bits]
    values = [value for value in values if np.isfinite(value)] + [n / 1000 for n in range(2000)]
    read = "JSON.parse(require('fs').readFileSync(0, 'utf8'))"
    script = f"process.stdout.write(JSON.stringify({read}))"
    printed = subprocess.run(
        ["node", "-e", script], input=json.dumps(values), capture_output=True, text=True, check=True
    ).stdout
    assert canonical_json(values) == printed
