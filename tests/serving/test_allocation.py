"""Memory that is soon needed again stays in the process."""

import subprocess
import sys

import pytest

MESSAGES = """
import platform, resource, sys
from serving.fleet import allocation

if platform.libc_ver()[0] != "glibc":
    sys.exit(3)
if sys.argv[1] == "kept":
    allocation.keep_freed_memory()
for times in (20, 100):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(times):
        copies = [bytes(800_000) for _ in range(6)]
        del copies
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def page_faults(how):
    command = [sys.executable, "-c", MESSAGES, how]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == 3:
        pytest.skip("this C library is not glibc")
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


def test_messages_do_not_need_new_pages_each_time():
    assert page_faults("kept") < page_faults("as it comes") / 10
