"""gRPC ingest and the dispatcher."""
