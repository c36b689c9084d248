"""Training and evaluation: data, losses, the loop, the measured figures."""
