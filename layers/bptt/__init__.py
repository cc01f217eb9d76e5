"""Backpropagation through time laid open: every state, gate and gradient of recurrent layers, at every step.

    from layers import bptt

    with bptt.trace(lstm) as trace:
        y, (h, c) = lstm(x)
        loss_of(y).backward()
    trace[0].dh                       # dL/dh_t over all paths, (T, B, H)

Read trace.py first, then steps.py (what can be asked), then cells/ (the derivatives of one step in closed form). What goes
forward in time instead starts with one_step.py and rtrl.py.
"""

from .artbp import artbp
from .flow import flow
from .lyapunov import Spectrum, lyapunov, lyapunov_spectrum
from .norms import Norms
from .plots import (
    plot_clipping,
    plot_flow,
    plot_jacobians,
    plot_norms,
    plot_paths,
    plot_saturation,
    plot_shares,
    plot_states,
)
from .plots_spectra import plot_estimates, plot_influence, plot_lyapunov, plot_products, plot_truncation
from .products import Products, jacobian_product, log_bound, products_of
from .rtrl import Influence, influence, rtrl
from .steps import Steps
from .telemetry import Clipping, Saturation, saturation
from .trace import Call, Trace, Traced, trace
from .truncation import Carry, Comparison, Truncated, full_gradient, truncated
from .uoro import uoro

__all__ = [
    "Call",
    "Carry",
    "Clipping",
    "Comparison",
    "Influence",
    "Norms",
    "Products",
    "Saturation",
    "Spectrum",
    "Steps",
    "Trace",
    "Traced",
    "Truncated",
    "artbp",
    "flow",
    "full_gradient",
    "influence",
    "jacobian_product",
    "log_bound",
    "lyapunov",
    "lyapunov_spectrum",
    "plot_clipping",
    "plot_estimates",
    "plot_flow",
    "plot_influence",
    "plot_jacobians",
    "plot_lyapunov",
    "plot_norms",
    "plot_paths",
    "plot_products",
    "plot_saturation",
    "plot_shares",
    "plot_states",
    "plot_truncation",
    "products_of",
    "rtrl",
    "saturation",
    "trace",
    "truncated",
    "uoro",
]
