"""From a scene to files and rows: what one photo goes through."""
