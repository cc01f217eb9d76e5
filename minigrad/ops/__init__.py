"""Every differentiable operation, its value and its gradients side by side. Start with rule.py."""
