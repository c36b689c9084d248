"""dmlseg."""
