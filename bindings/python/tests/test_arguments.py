"""Compares signatures, arguments and errors with Python 3.13's own functions, call by call."""

import inspect
import json
import os
import pathlib

import calls
import portable_timerfd
import pytest

RECORDED = json.loads(pathlib.Path(__file__).with_name("recorded.json").read_text())
NAMES = (calls.CREATE, *calls.ALL_ON_FD)
SIGNATURES = {
    "timerfd_create": "(clockid, /, *, flags=0)",
    "timerfd_settime": "(fd, /, *, flags=0, initial=0.0, interval=0.0)",
    "timerfd_settime_ns": "(fd, /, *, flags=0, initial=0, interval=0)",
    "timerfd_gettime": "(fd, /)",
    "timerfd_gettime_ns": "(fd, /)",
}


@pytest.mark.parametrize("name", NAMES)
def test_signatures_are_those_of_os(module, name):
    function = getattr(module, name)
    assert str(inspect.signature(function)) == SIGNATURES[name]
    assert (function.__name__, function.__qualname__) == (name, name)
    assert inspect.isbuiltin(function) and inspect.getdoc(function)


@pytest.mark.parametrize("name", [*NAMES, "set_backend"])
def test_a_second_positional_argument_has_a_message_in_good_english(name):
    with pytest.raises(TypeError, match=rf"^{name}\(\) takes exactly 1 positional argument \(3 given\)$"):
        getattr(portable_timerfd, name)(1, 2, 3)


def test_constants_are_those_of_os(module):
    ours = [getattr(module, name) for name in dir(portable_timerfd) if name.startswith("TFD_")]
    assert ours == [os.O_CLOEXEC, os.O_NONBLOCK, 1, 2]


def test_every_call_is_recorded():
    assert set(RECORDED) == {*calls.SHAPES, *calls.VALUES}


def without_message(actual):
    return {key: value for key, value in actual.items() if key != "says"}


@pytest.mark.parametrize("call", calls.SHAPES)
def test_calls_with_a_wrong_signature_raise_the_same_error(module, call):
    assert without_message(calls.outcome(module, call)) == without_message(RECORDED[call])


@pytest.mark.parametrize("call", dict.fromkeys(calls.VALUES))
def test_calls_have_the_same_outcome(module, call):
    actual, recorded = calls.outcome(module, call), RECORDED[call]
    if call.endswith(calls.WORDED_BY_VERSION):
        actual, recorded = without_message(actual), without_message(recorded)
    if module is os and actual.get("says") == "timestamp out of range for C PyTime_t":
        # The message of os since Python 3.14.
        actual["says"] = "timestamp out of range for platform time_t"
    assert actual == recorded
