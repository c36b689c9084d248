"""Where photos come from: paths, patterns, URLs."""
