"""The peers: the same number of tasks that do nothing, by Celery alone and by procrastinate."""
