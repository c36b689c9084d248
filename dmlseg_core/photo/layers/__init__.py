"""Photos with their objects as layers: OpenRaster and Photoshop files."""
