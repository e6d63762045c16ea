"""What stands around every request, as plain ASGI: Starlette's base class would cost a task and a queue a request."""
