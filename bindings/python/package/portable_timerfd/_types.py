"""Types that programs use in annotations."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal, SupportsFloat, SupportsIndex, Union

# Each of the first two is a Union because stubtest takes a Literal of several values for one.

#: The name of a backend.
Backend = Union[Literal["kernel"], Literal["userspace"]]  # noqa: PYI030

#: The policy for expirations that were missed between two waits: see Expirations.
MissedTicks = Union[Literal["count"], Literal["coalesce"], Literal["skip"]]  # noqa: PYI030

#: A number of seconds.
Seconds = Union[SupportsFloat, SupportsIndex]

#: A length of time: a number of seconds, or a timedelta.
Delay = Union[SupportsFloat, SupportsIndex, timedelta]

#: A time of a clock: a number of seconds, or an aware datetime of the wall clock.
Time = Union[SupportsFloat, SupportsIndex, datetime]
