"""PyTorch's functions and methods: names, signatures, defaults. They turn `dim=` into `axis=`, numbers and keywords into an
op's inputs, and leave the mathematics to ops/."""
