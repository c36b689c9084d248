"""The page's view of many photos."""
