"""RUNNER is the command before each program, as kitemu is for riscv64."""
import os, pathlib, shlex, subprocess

import pytest


@pytest.fixture(scope="session")
def program(tmp_path_factory):
    exe = tmp_path_factory.mktemp("build") / "sum"
    cc = shlex.split(os.environ.get("CC", "cc"))
    subprocess.run([*cc, "-static", "-o", exe, pathlib.Path(__file__).with_name("sum.c")], check=True)

    def run(*args):
        return subprocess.run([*shlex.split(os.environ.get("RUNNER", "")), exe, *args], capture_output=True, text=True)

    return run
