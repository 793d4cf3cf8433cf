"""HTTP/1.1 on asyncio: a strict parser, caps and time limits on everything a client can stretch."""
