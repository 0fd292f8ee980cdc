"""The worker's runtime: bells in, jobs claimed, computed in runners, finished behind a fence."""
