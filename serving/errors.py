"""What can go wrong while answering, and the code that each wire gives it.

ServingError          500  INTERNAL
  BadInput            400  INVALID_ARGUMENT   what was sent cannot be answered
  NotFound            404  NOT_FOUND          no such model, version or signature
  DamagedBundle       500  DATA_LOSS          the files are not those that were published
"""


class ServingError(Exception):
    """A request or a bundle that cannot be served; says in one line what, where, and what to do."""

    http_status = 500
    grpc_code = "INTERNAL"


class BadInput(ServingError):  # noqa: N818 (the house's word, see docs/house.md)
    """What was given is wrong: its name, type, shape or content."""

    http_status = 400
    grpc_code = "INVALID_ARGUMENT"


class NotFound(ServingError):  # noqa: N818
    """There is no such model, version, signature or file."""

    http_status = 404
    grpc_code = "NOT_FOUND"


class DamagedBundle(ServingError):  # noqa: N818
    """A bundle's files are missing, changed, or not what its manifest says."""

    http_status = 500
    grpc_code = "DATA_LOSS"
