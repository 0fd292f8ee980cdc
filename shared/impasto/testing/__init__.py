"""For tests, ours and those of plug-ins: real servers, a database per test, real processes that can be killed."""
