"""What install() puts into os, in processes of their own; and how a backend is chosen."""

import os
import subprocess
import textwrap

import portable_timerfd
import pytest
from conftest import PYTHON

HAS_THEM = hasattr(os, "timerfd_create")
VARIABLE = "PORTABLE_TIMERFD_BACKEND"


def run(script, backend=None, arguments=("-c",)):
    """What a program says, or the last line of what it dies of."""
    environment = {key: value for key, value in os.environ.items() if key != VARIABLE}
    if backend is not None:
        environment[VARIABLE] = backend
    command = [PYTHON, *arguments, textwrap.dedent(script)]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True)
    return ran.stdout.split() if ran.returncode == 0 else ran.stderr.splitlines()[-1]


INSTALL = """
    import os, portable_timerfd
    portable_timerfd.install({backend})
    fd = os.timerfd_create(1)
    print(os.timerfd_create.__module__, "pipe" in os.readlink(f"/proc/self/fd/{{fd}}"))
"""


@pytest.mark.parametrize("by", ("argument", "environment"))
@pytest.mark.parametrize("backend", ("kernel", "userspace"))
def test_the_backend_is_named_by_argument_or_by_the_environment(by, backend):
    said = run(
        INSTALL.format(backend=repr(backend) if by == "argument" else ""), backend if by == "environment" else None
    )
    assert said == ["portable_timerfd", str(backend == "userspace")]


def test_the_argument_has_the_last_word():
    assert run(INSTALL.format(backend="'kernel'"), "userspace") == ["portable_timerfd", "False"]


def test_what_os_has_stays_unless_a_backend_is_named():
    assert run(INSTALL.format(backend="")) == ["posix" if HAS_THEM else "portable_timerfd", "False"]


def test_all_of_the_names_are_there_for_every_import():
    said = run("""
        import os
        before = set(os.__all__) if hasattr(os, "timerfd_create") else None
        import portable_timerfd
        portable_timerfd.install()
        portable_timerfd.install()
        assert before is None or before == set(os.__all__)
        assert len(os.__all__) == len(set(os.__all__))
        from os import *
        names = [name for name in dir() if "timerfd" in name.lower() or name.startswith("TFD")]
        names.remove("portable_timerfd")
        print(*names)
    """)
    assert said == sorted(name for name in portable_timerfd.__all__ if "timerfd" in name or name.startswith("TFD"))


@pytest.mark.parametrize("call", ("install()", "timerfd_create(1)", "Timer()", "get_backend()"))
def test_a_backend_that_there_is_not_is_an_error_where_it_is_asked_for(call):
    said = run(f"import portable_timerfd\nportable_timerfd.{call}", "solar")
    assert said == "ValueError: PORTABLE_TIMERFD_BACKEND is neither 'kernel' nor 'userspace': 'solar'"


def test_a_wrong_argument_changes_nothing():
    said = run("""
        import os, portable_timerfd
        portable_timerfd.set_backend("userspace")
        for call in (portable_timerfd.install, portable_timerfd.set_backend):
            for wrong, kind in (("solar", ValueError), ("", ValueError), (1, TypeError)):
                try:
                    call(wrong)
                except kind:
                    print(portable_timerfd.get_backend())
        print(os.timerfd_create.__module__ if hasattr(os, "timerfd_create") else "posix")
    """)
    assert said == ["userspace"] * 6 + ["posix"]


def test_the_choice_can_be_taken_back(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    assert portable_timerfd.get_backend() is None
    monkeypatch.setenv(VARIABLE, "userspace")
    assert portable_timerfd.get_backend() == "userspace"
    portable_timerfd.set_backend("kernel")
    assert portable_timerfd.get_backend() == "kernel"
    portable_timerfd.set_backend(None)
    assert portable_timerfd.get_backend() == "userspace"


def test_a_program_is_run_with_the_names_in_os(tmp_path):
    (tmp_path / "beside.py").write_text("WORD = 'beside'")
    program = tmp_path / "program.py"
    program.write_text(
        "import os, sys, beside\nfd = os.timerfd_create(1)\nprint(__name__, beside.WORD, *sys.argv[1:], 'pipe' in os.readlink(f'/proc/self/fd/{fd}'))\n"
    )
    said = run(str(program), arguments=("-m", "portable_timerfd", "--backend", "userspace"))
    assert said == ["__main__", "beside", "True"]
    module = [PYTHON, "-m", "portable_timerfd", "-m", "program", "--backend", "x"]
    ran = subprocess.run(module, cwd=tmp_path, stdout=subprocess.PIPE, text=True, check=True)
    assert ran.stdout.split() == ["__main__", "beside", "--backend", "x", "False"]
    assert "neither 'kernel' nor 'userspace'" in run(str(program), "solar", arguments=("-m", "portable_timerfd"))
