"""HTTP/2 (RFC 9113) as a server of calls needs it: no push, no priorities, no TLS."""
