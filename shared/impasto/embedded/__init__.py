"""The platform on one bare machine: real PostgreSQL, Redis and S3 servers and our services under one supervisor."""
