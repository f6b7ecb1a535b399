"""install() in separate processes, and the choice of a backend."""

import importlib.metadata
import os
import subprocess
import sys
import textwrap

import portable_timerfd
import pytest
from conftest import PYTHON

HAS_THEM = hasattr(os, "timerfd_create")
VARIABLE = "PORTABLE_TIMERFD_BACKEND"


def run(script, backend=None, arguments=("-c",)):
    """Returns the output of a program, or the last line of its errors if it fails."""
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
def test_an_argument_or_the_environment_names_the_backend(by, backend):
    output = run(
        INSTALL.format(backend=repr(backend) if by == "argument" else ""), backend if by == "environment" else None
    )
    assert output == ["portable_timerfd", str(backend == "userspace")]


def test_the_argument_overrides_the_environment():
    assert run(INSTALL.format(backend="'kernel'"), "userspace") == ["portable_timerfd", "False"]


def test_install_replaces_functions_of_os_only_with_a_backend():
    assert run(INSTALL.format(backend="")) == ["posix" if HAS_THEM else "portable_timerfd", "False"]


@pytest.mark.parametrize(
    ("platform", "replaces"),
    (("linux", False), ("android", False), ("freebsd14", True), ("netbsd10", True), ("sunos5", True)),
)
def test_install_replaces_functions_that_are_not_those_of_linux(monkeypatch, platform, replaces):
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(os, "__all__", list(os.__all__))
    names = [name for name in portable_timerfd.__all__ if name.startswith(("TFD_", "timerfd_"))]
    for name in names:
        monkeypatch.setattr(os, name, "that of the system", raising=False)
    portable_timerfd.install()
    assert len(names) == 9
    for name in names:
        assert getattr(os, name) == (getattr(portable_timerfd, name) if replaces else "that of the system")


def test_install_adds_all_names_to_os():
    output = run("""
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
    assert output == sorted(name for name in portable_timerfd.__all__ if "timerfd" in name or name.startswith("TFD"))


@pytest.mark.parametrize("call", ("install()", "timerfd_create(1)", "Timer()", "get_backend()"))
def test_an_unknown_backend_is_an_error_at_its_first_use(call):
    output = run(f"import portable_timerfd\nportable_timerfd.{call}", "solar")
    assert output == "ValueError: PORTABLE_TIMERFD_BACKEND is neither 'kernel' nor 'userspace': 'solar'"


def test_a_wrong_argument_changes_nothing():
    output = run("""
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
    assert output == ["userspace"] * 6 + ["posix"]


def test_set_backend_none_reverts_the_choice(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    assert portable_timerfd.get_backend() is None
    monkeypatch.setenv(VARIABLE, "userspace")
    assert portable_timerfd.get_backend() == "userspace"
    portable_timerfd.set_backend("kernel")
    assert portable_timerfd.get_backend() == "kernel"
    portable_timerfd.set_backend(None)
    assert portable_timerfd.get_backend() == "userspace"


PROGRAM = """
import atexit, inspect, os, pickle, sys
import beside

class Own:
    pass

fd = os.timerfd_create(1)
print(__name__, os.path.exists(__file__), sys.path[0] == os.path.dirname(__file__), sys.argv[1:])
print("pipe" in os.readlink(f"/proc/self/fd/{fd}"), inspect.getsource(Own).split()[0])
atexit.register(lambda: print(type(pickle.loads(pickle.dumps(Own()))).__name__, flush=True))
os.chdir("/")
"""


def test_a_program_runs_with_the_names_in_os(tmp_path):
    (tmp_path / "beside.py").write_text("")
    program, elsewhere = tmp_path / "program.py", tmp_path / "elsewhere"
    program.write_text(PROGRAM)
    elsewhere.mkdir()
    (elsewhere / "link.py").symlink_to(program)
    module = [PYTHON, "-m", "portable_timerfd"]
    for command, where, alike in (
        ([*module, "--backend", "userspace", "program.py", "--", "--backend", "x"], tmp_path, True),
        ([*module, "--backend=userspace", "link.py", "--", "--backend", "x"], elsewhere, False),
    ):
        ran = subprocess.run(command, cwd=where, capture_output=True, text=True, check=False)
        output = f"__main__ True {alike} ['--', '--backend', 'x']\nTrue class\nOwn\n"
        assert (ran.stdout, ran.stderr, ran.returncode) == (output, "", 0)


@pytest.mark.parametrize(
    ("arguments", "output"),
    (
        ((), "there is no PROGRAM"),
        (("--backend", "solar", "x.py"), "invalid choice: 'solar'"),
        (("no such file",), "can't open file 'no such file'"),
    ),
)
def test_a_program_that_cannot_run_is_an_error(arguments, output):
    ran = subprocess.run([PYTHON, "-m", "portable_timerfd", *arguments], capture_output=True, text=True, check=False)
    assert ran.returncode == 2 and output in ran.stderr and "Traceback" not in ran.stderr


def test_the_exit_status_of_a_program_is_passed_on(tmp_path):
    program = tmp_path / "program.py"
    program.write_text("import sys\nsys.exit(7)\n")
    ran = subprocess.run([PYTHON, "-m", "portable_timerfd", str(program)], check=False)
    assert ran.returncode == 7
    assert "neither 'kernel' nor 'userspace'" in run(str(program), "solar", arguments=("-m", "portable_timerfd"))


def test_the_package_does_not_import_asyncio():
    assert run("import sys, portable_timerfd; print('asyncio' in sys.modules, portable_timerfd.__version__)") == [
        "False",
        importlib.metadata.version("portable-timerfd"),
    ]
