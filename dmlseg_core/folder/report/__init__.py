"""What a batch leaves to be read: instances.csv and .parquet, run.json, report.html."""
