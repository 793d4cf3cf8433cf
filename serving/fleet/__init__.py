"""The processes of a server: one that watches over models and listens, and those that answer.

The supervisor never reads a request and never opens a model. A worker answers requests with models
that were tried, in a process that was then thrown away. So a model that brings ONNX Runtime down
is refused, and a request that does so costs one worker, which is replaced.
"""
