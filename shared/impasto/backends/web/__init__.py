"""HTTP, the server's side: what the gateway and ingestion share: problems, keys, request ids, limits."""
