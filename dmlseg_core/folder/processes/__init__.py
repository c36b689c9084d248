"""Several processes on one machine: the server that they are forked from, the pool, the worker."""
