"""TF Serving's gRPC API: its two services, health and reflection, on grpcio's asyncio server."""
