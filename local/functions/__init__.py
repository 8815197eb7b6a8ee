"""Lambda locally: execution environments, asynchronous invocation, and what triggers functions."""
