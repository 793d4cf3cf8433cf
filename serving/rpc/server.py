"""The gRPC server of a worker: every worker listens on the same port, and the system shares it out.

What a method raises is answered with its code; whatever else goes wrong is logged, and the client
is told no more than that.
"""

import asyncio
import contextlib
import functools
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

import grpc
import grpc.aio

from serving.api.note import Note
from serving.api.observer import Observer
from serving.errors import BadInput, ServingError
from serving.rpc.sending import Sending
from serving.wire.messages import message, pool

LOG = logging.getLogger(__name__)
AHEAD_BYTES = 2**20
"""Of a message that a client may send before it is asked to go on; by default a sixteenth of it,
and a batch of rows comes in as many turns."""
Method = Callable[[Any, Note, float], Awaitable[Any]]
"""From request, what is noted of it, and deadline (monotonic seconds) to response."""
Tell = Callable[[str, str], Awaitable[None]]
Stream = Callable[[Any, Note, Tell], AsyncGenerator[Any]]
"""From request, what is noted of it, and what tells initial metadata, to responses."""


async def start(
    address: str,
    handlers: list[grpc.GenericRpcHandler],
    *,
    largest_bytes: int,
    most_calls: int,
    most_calls_of_one: int,
) -> grpc.aio.Server:
    """Starts a server that other processes may listen beside.

    Args:
        address: host and port.
        handlers: of the services.
        largest_bytes: of a message that comes.
        most_calls: at the same time; more are refused.
        most_calls_of_one: connection; more wait with the client.
    """
    logging.getLogger("grpc._cython.cygrpc").addFilter(_is_news)
    server = grpc.aio.server(
        options=[
            ("grpc.so_reuseport", 1),
            ("grpc.max_receive_message_length", largest_bytes),
            ("grpc.max_send_message_length", -1),
            ("grpc.max_metadata_size", 32 * 1024),
            ("grpc.http2.lookahead_bytes", AHEAD_BYTES),
            ("grpc.http2.max_frame_size", AHEAD_BYTES),
            ("grpc.max_concurrent_streams", most_calls_of_one),
        ],
        maximum_concurrent_rpcs=most_calls,
    )
    server.add_generic_rpc_handlers(handlers)
    server.add_insecure_port(address)
    await server.start()
    return server


def _is_news(record: logging.LogRecord) -> bool:
    """That a client went while its answer was sent is none, and grpc logs a traceback of it."""
    return "ExecuteBatchError" not in record.getMessage()


def service(
    name: str, methods: Mapping[str, Method], observer: Observer, sending: Sending
) -> grpc.GenericRpcHandler:
    """Makes the handler of a service of which every method takes one message and gives one."""
    answering = functools.partial(_answering, observer, sending)
    return _service(name, methods, grpc.unary_unary_rpc_method_handler, answering)


def stream(
    name: str, methods: Mapping[str, Stream], observer: Observer, sending: Sending
) -> grpc.GenericRpcHandler:
    """Makes the handler of a service of which every method takes one message and gives many."""
    streaming = functools.partial(_streaming, observer, sending)
    return _service(name, methods, grpc.unary_stream_rpc_method_handler, streaming)


def _service(
    name: str, methods: Mapping[str, Any], handler: Any, answering: Any
) -> grpc.GenericRpcHandler:
    handlers = {
        method.name: handler(answering(methods[method.name], method.input_type.full_name))
        for method in pool().FindServiceByName(name).methods
        if method.name in methods
    }
    return grpc.method_handlers_generic_handler(name, handlers)


def _answering(observer: Observer, sending: Sending, method: Method, input_type: str) -> Any:
    async def answer(content: bytes, context: grpc.aio.ServicerContext) -> bytes | None:
        await sending.begin(context)
        async with _answered(context, observer) as note:
            left = context.time_remaining()
            deadline = float("inf") if left is None else time.monotonic() + left
            response = await method(_parsed(content, input_type), note, deadline)
            serialized: bytes = response.SerializeToString()
            sending.send(len(serialized))
            return serialized
        return None  # it was aborted

    return answer


def _streaming(observer: Observer, sending: Sending, method: Stream, input_type: str) -> Any:
    async def answer(content: bytes, context: grpc.aio.ServicerContext) -> AsyncIterator[bytes]:
        async def tell(name: str, value: str) -> None:
            await context.send_initial_metadata(((name, value),))

        await sending.begin(context)
        async with _answered(context, observer) as note:
            responses = method(_parsed(content, input_type), note, tell)
            async with contextlib.aclosing(responses) as responses:
                async for response in responses:
                    serialized = response.SerializeToString()
                    sending.send(len(serialized))
                    yield serialized
                    sending.taken()

    return answer


@contextlib.asynccontextmanager
async def _answered(context: grpc.aio.ServicerContext, observer: Observer) -> AsyncIterator[Note]:
    """Answers what a call raises, and sees to it that the call is observed."""
    note = observer.begin("GRPC", context.invocation_metadata() or ())
    began, code, details = time.monotonic(), None, ""
    try:
        yield note
    except ServingError as error:
        note.code, details = error.grpc_code, str(error)
        code = grpc.StatusCode[error.grpc_code]
    except (asyncio.CancelledError, GeneratorExit):  # the client has gone, or its time is over
        note.code = "CANCELLED"
        raise
    except Exception:  # the request's edge: a fault of the server's
        LOG.exception("a call of %s failed", note.api or "gRPC")
        note.code, details = "INTERNAL", "the server failed to answer this request"
        code = grpc.StatusCode.INTERNAL
    finally:
        note.seconds = time.monotonic() - began
        observer.end(note)
    if code is not None:
        await context.abort(code, details)


def _parsed(content: bytes, input_type: str) -> Any:
    try:
        return message(input_type).FromString(content)
    except Exception as error:  # protobuf's DecodeError is of another class in each backend
        raise BadInput(f"the request is no {input_type}") from error
