"""What `flow` claims: the chain rule to 1e-10, the two bounds, and what float32 makes of it.

The arrays are (networks, stages, T, B), as ln; `there` (T, B) says which steps there are: shorter sequences begin later.
"""

from __future__ import annotations

import numpy as np

from ...lab import Arrays, Claim
from .measure import FLOAT32_NORMAL
from .settings import Config

PASCANU = "Pascanu, Mikolov, Bengio 2013, On the difficulty of training recurrent neural networks"
BINARY32 = "IEEE 754, binary32"
FLOAT64_NORMAL, FLOAT64_MOST = float(np.log(np.finfo(np.float64).tiny)), float(np.log(np.finfo(np.float64).max))


def claims(config: Config, arrays: Arrays) -> list[Claim]:
    """Every claim, from nothing but the arrays."""
    return [*chain_rule_claims(arrays), bounds_claim(arrays), *float32_claims(arrays)]


def chain_rule_claims(arrays: Arrays) -> list[Claim]:
    """The gradient is the product of Jacobians: in the trace's norms everywhere, in the fused backward pass within float64.

    Gains far above 10 saturate tanh until 1 − y² has no digits left, in the engine as anywhere: the claims fail then.
    """
    names = [("ln_dh", "ln_formula"), ("ln_dc", "ln_dc_formula")]
    pairs = [(seen(arrays, a), seen(arrays, b)) for a, b in names if a in arrays]
    kernel, formula = seen(arrays, "ln_dh_kernel"), pairs[0][1]
    held = ~((formula < FLOAT64_NORMAL) & np.isfinite(formula)) & ~(formula > FLOAT64_MOST)
    return [
        Claim.equal(
            "|ln‖dL/dh_t‖ − ln‖g_T J_T ⋯ J_{t+1}‖| at every t, in float64, the J_k from a separate formula, ln‖dL/dh_t‖ from "
            f"the trace's rescaled recursion; dL/dc_t alike ({sum(len(a) for a, _ in pairs)} points)",
            f"{PASCANU}, eq. 5",
            expected=0.0,
            obtained=np.max([gap(a, b) for a, b in pairs]),
            tolerance=1e-10,
        ),
        Claim.equal(
            f"the same of dL/dh_t from the fused backward pass, where float64 holds it ({held.sum()} of {held.size} points)",
            f"{PASCANU}, eq. 5",
            expected=0.0,
            obtained=gap(kernel[held], formula[held]),
            tolerance=1e-10,
        ),
    ]


def bounds_claim(arrays: Arrays) -> Claim:
    """A vector grows no more than the product of matrices allows, and that no more than the product of norms."""
    g_T = np.broadcast_to(arrays["ln_dh"][..., -1:, :], arrays["ln_dh"].shape)[..., arrays["there"]]
    gradient, product, bound = (seen(arrays, name) for name in ("ln_dh", "ln_product", "ln_bound"))
    alive = np.isfinite(gradient)
    with np.errstate(invalid="ignore"):  # −∞ − −∞, where a gradient passed through a product of zeros: a failure
        excess = [(gradient - g_T.ravel() - product)[alive], (product - bound)[alive]]
    return Claim.at_most(
        "‖dL/dh_t‖ ≤ ‖g_T‖ ‖J_T ⋯ J_{t+1}‖₂ ≤ ‖g_T‖ Π‖J_k‖₂ at every t: the largest excess, as a logarithm",
        f"{PASCANU}, §2.1",
        bound=0.0,
        obtained=np.concatenate(excess).max(initial=-np.inf),
        tolerance=1e-10,
    )


def float32_claims(arrays: Arrays) -> list[Claim]:
    """float32 follows float64 where perturbations do not grow; elsewhere what happens is shown, not judged."""
    double, single = arrays["ln_dh"], arrays["ln_dh_float32"]
    steady = stable(arrays["exponent"])
    judged = steady[..., None, None] & (double >= FLOAT32_NORMAL) & arrays["there"]
    ratio = np.abs(np.expm1(single[judged] - double[judged]))
    sentence = (
        "‖dL/dh_t‖ in float32 over that in float64, away from 1 by at most, where the largest Lyapunov exponent along the "
        f"sequences is ≤ 0 by two standard errors ({steady.sum()} of {steady.size} networks)"
    )
    lost = [(special(single) & np.isfinite(double))[..., arrays["there"]] for special in (np.isneginf, np.isposinf)]
    zero, infinite = (f"{where.sum()} of {where.size}" for where in lost)
    return [
        Claim.equal(sentence, BINARY32, expected=0.0, obtained=ratio.max(), tolerance=1e-3)
        if judged.any()
        else Claim.reported(sentence, BINARY32, obtained="none to judge"),
        Claim.reported("dL/dh_t that are exactly 0 in float32 and not in truth", BINARY32, obtained=zero),
        Claim.reported("dL/dh_t that are inf or nan in float32 and finite in truth", BINARY32, obtained=infinite),
    ]


def stable(exponents: np.ndarray) -> np.ndarray:
    """Where the mean of λ₁ over the sequences, (…, B), is ≤ 0 by two standard errors."""
    exponents = np.clip(exponents, -1e3, 1e3)  # −∞ where every unit is dead
    error = exponents.std(axis=-1) / np.sqrt(max(exponents.shape[-1] - 1, 1))
    found: np.ndarray = exponents.mean(axis=-1) + 2 * error <= 0
    return found


def seen(arrays: Arrays, name: str) -> np.ndarray:
    """All values of an array at steps that there are, flat."""
    return arrays[name][..., arrays["there"]].ravel()


def gap(obtained: np.ndarray, expected: np.ndarray) -> float:
    """The largest |obtained − expected|; −∞ is equal to −∞, and nan to nothing."""
    with np.errstate(invalid="ignore"):
        return float(np.where(obtained == expected, 0, np.abs(obtained - expected)).max(initial=0))
