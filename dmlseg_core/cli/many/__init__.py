"""The commands for many photos: batch, merge."""
