"""Schema assembly, execution, and GraphQL over HTTP."""
