"""One batch on several machines: a Ray cluster, or shards that are merged."""
