"""How gradients vanish, explode and are carried through time."""
