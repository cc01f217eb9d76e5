"""Functions as a user writes them, for either library."""


def function(torch, forward, backward, setup=None, name="MyFn"):
    """Define a Function of given static methods."""
    methods = {"forward": staticmethod(forward), "backward": staticmethod(backward)}
    if setup is not None:
        methods["setup_context"] = staticmethod(setup)
    return type(name, (torch.autograd.Function,), methods)


def saving(value):
    """Return a forward that saves its arguments and returns value(*arguments)."""

    def forward(ctx, *args):
        ctx.save_for_backward(*args)
        return value(*args)

    return forward
