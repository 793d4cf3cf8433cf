"""What can go wrong while answering, and the code that each wire gives it.

ServingError          500  INTERNAL
  BadInput            400  INVALID_ARGUMENT     what was sent cannot be answered
  BadState            400  FAILED_PRECONDITION  it could be, were the server in another state
  NotFound            404  NOT_FOUND            no such model, version or signature
  TooLarge            413  RESOURCE_EXHAUSTED   more bytes than one request may have
  Cancelled           499  CANCELLED            the client has gone
  DamagedBundle       500  DATA_LOSS            the files are not those that were published
  Unsupported         501  UNIMPLEMENTED        TF Serving has it, or may have it; this server not
  Unavailable         503  UNAVAILABLE          stopping, or not ready yet
  Overloaded          503  UNAVAILABLE          more requests than can be answered in time
  DeadlineExceeded    504  DEADLINE_EXCEEDED    the client's time, or the server's, is over
"""


class ServingError(Exception):
    """A request or a bundle that cannot be served; says in one line what, where, and what to do."""

    http_status = 500
    grpc_code = "INTERNAL"


class BadInput(ServingError):  # noqa: N818 (the house's word, see docs/house.md)
    """What was given is wrong: its name, type, shape or content."""

    http_status = 400
    grpc_code = "INVALID_ARGUMENT"


class BadState(ServingError):  # noqa: N818
    """What was asked for does not go with the state that the server is in."""

    http_status = 400
    grpc_code = "FAILED_PRECONDITION"


class NotFound(ServingError):  # noqa: N818
    """There is no such model, version, signature or file."""

    http_status = 404
    grpc_code = "NOT_FOUND"


class TooLarge(ServingError):  # noqa: N818
    """A request has more bytes than the server takes."""

    http_status = 413
    grpc_code = "RESOURCE_EXHAUSTED"


class Cancelled(ServingError):  # noqa: N818
    """The client went away before it was answered."""

    http_status = 499
    grpc_code = "CANCELLED"


class DamagedBundle(ServingError):  # noqa: N818
    """A bundle's files are missing, changed, or not what its manifest says."""

    http_status = 500
    grpc_code = "DATA_LOSS"


class Unsupported(ServingError):  # noqa: N818
    """The protocol has it, this server has not."""

    http_status = 501
    grpc_code = "UNIMPLEMENTED"


class Unavailable(ServingError):  # noqa: N818
    """The server is stopping, or cannot answer yet; another one may."""

    http_status = 503
    grpc_code = "UNAVAILABLE"


class Overloaded(ServingError):  # noqa: N818
    """The queue is full: better refused now than answered too late."""

    http_status = 503
    grpc_code = "UNAVAILABLE"


class DeadlineExceeded(ServingError):  # noqa: N818
    """There was no time left to answer."""

    http_status = 504
    grpc_code = "DEADLINE_EXCEEDED"
