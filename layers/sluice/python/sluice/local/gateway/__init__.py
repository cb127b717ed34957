"""API Gateway as the local stack has it: a REST API with proxy integrations, buffered and streamed."""
