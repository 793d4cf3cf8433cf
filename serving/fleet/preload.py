"""Imported once by the process that workers and trials are forked from.

What is imported here is shared by all of them, in memory and in time. Signals for the whole process
group (Ctrl-C, a service manager's SIGTERM) are the supervisor's business alone.
"""

import signal

import serving.fleet.trial
import serving.fleet.worker  # noqa: F401

signal.signal(signal.SIGTERM, signal.SIG_IGN)
signal.signal(signal.SIGINT, signal.SIG_IGN)
