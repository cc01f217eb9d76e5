"""Published results on vanishing and exploding gradients, each one command: ``python -m experiments``."""
