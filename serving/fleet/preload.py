"""Imported once by the process that workers and trials are forked from.

What is imported here is shared by all of them, in memory and in time. Signals for the whole process
group (Ctrl-C, a service manager's SIGTERM) are the supervisor's business alone.
"""

import gc
import signal

gc.disable()  # nothing of an import is let go again: looking for it would take a tenth of the time

import serving.fleet.trial  # noqa: E402
import serving.fleet.worker  # noqa: E402, F401

gc.freeze()  # pages that no collection touches stay shared with those that are forked
signal.signal(signal.SIGTERM, signal.SIG_IGN)
signal.signal(signal.SIGINT, signal.SIG_IGN)
