"""The tumbling count of bench/windows.ts in Bytewax, on the same events, in memory.

Usage: python bench/peers/bytewax_windows.py [EVENTS]

The environment is its own: python -m venv V && V/bin/pip install bytewax
"""

import sys
import time
from datetime import datetime, timedelta, timezone

import bytewax.operators as op
import bytewax.operators.windowing as win
from bytewax.dataflow import Dataflow
from bytewax.operators.windowing import EventClock, TumblingWindower
from bytewax.testing import TestingSink, TestingSource, run_main

EVENTS = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
KEYS = 1_000
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)

events = [
    (f"k{(i * 7919) % KEYS}", EPOCH + timedelta(milliseconds=i)) for i in range(EVENTS)
]
counts = []

flow = Dataflow("counts")
stream = op.input("events", flow, TestingSource(events, batch_size=1024))
windowed = win.count_window(
    "count",
    stream,
    EventClock(lambda event: event[1], wait_for_system_duration=timedelta(0)),
    TumblingWindower(length=timedelta(minutes=1), align_to=EPOCH),
    lambda event: event[0],
)
op.output("rows", windowed.down, TestingSink(counts))

started = time.perf_counter()
run_main(flow)
seconds = time.perf_counter() - started
print(f"  Bytewax, one worker: {EVENTS / seconds:.0f} events/s, {len(counts)} rows")
