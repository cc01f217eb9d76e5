# %% [markdown]
"""
# 13. Attention: a short way to every state

The decoder of script 12 saw h_S alone. Now each step may look at all h_1 … h_S, and weighs them itself:

    e_tj = s_tᵀ W h_j                        how well state j fits what step t asks for
    α_tj = exp(e_tj) / Σ_k exp(e_tk)         softmax: weights that sum to 1
    c_t  = Σ_j α_tj h_j                      the context, a weighted mean
    f_t  = tanh(W_c [c_t; s_t])              z_t = W f_t + b as before

(Luong, Pham and Manning 2015, "general" score; Bahdanau, Cho and Bengio 2015 had the idea.)

The gradient has a new path: from z_t through c_t to h_j in *one* step, with the factor α_tj, however far j is away.
"""

# %%
import numpy as np

import minigrad as torch
from experiments.path import reversal
from experiments.path.picture import picture
from layers import bptt, seq2seq

S, E, H = 8, 16, 64


def trained(decoder_kind: type, **settings: object) -> tuple[seq2seq.Seq2Seq, list[float]]:
    """Return a model after 300 updates, and the losses."""
    torch.manual_seed(0)
    encoder = seq2seq.Encoder(reversal.VOCABULARY, E, H, padding_idx=None)
    model = seq2seq.Seq2Seq(encoder, decoder_kind(reversal.VOCABULARY, E, H, padding_idx=None, **settings))
    return model, reversal.train(model, S, updates=300)


plain, plain_losses = trained(seq2seq.Decoder)
model, losses = trained(seq2seq.LuongDecoder, feed=None)
drawn = reversal.batch(500, S)
plain_right, right = (float(reversal.right(each, drawn).mean()) for each in (plain, model))

# %% [markdown]
"""
Same encoder, same seed, same 300 updates: the plain decoder says 80 to 95 digits in 100 right, the one with attention more
than 97.
"""

# %%
assert 0.8 < plain_right < 0.95 < 0.97 < right
assert np.mean(losses[-20:]) < 0.5 * np.mean(plain_losses[-20:])

# %% [markdown]
"""
## The weights by hand

`run` also returns α. From the parts, for the first sequence and the first step:
"""

# %%
with torch.no_grad():
    outputs = model.run(drawn.source, None, drawn.target_in)
    assert outputs.alignments is not None
    alpha = outputs.alignments  # (T, B, S)
    h = model.encoder(drawn.source).outputs  # (S, B, H)
    s, _ = model.decoder.rnn(model.decoder.embed(drawn.target_in), h[-1:])
    e = s[0, 0] @ model.decoder.attention.score.W(h[:, 0]).T
    assert torch.allclose(e.softmax(0), alpha[0, 0], atol=1e-5)
    assert torch.allclose(alpha.sum(2), torch.ones(S, 500), atol=1e-5)
mean_alpha = alpha.mean(1).numpy()


def right_scores(z: torch.Tensor) -> torch.Tensor:
    """Return the mean score of y_t, (T,), of scores (T, B, V)."""
    return z.gather(2, drawn.target_out.unsqueeze(2)).mean((1, 2))


arguments = (drawn.source, None, drawn.target_in)
flow, plain_flow = (bptt.flow(each, arguments, right_scores, at="encoder.rnn").numpy() for each in (model, plain))

# %% [markdown]
"""
## What to look for

*Middle:* nobody told it that it is to read backwards: α, the mean over 500 sequences, lies on the other diagonal or right
beside it. (Beside it: h_{j+1} knows x_j too.) *Right:* ‖∂z_t/∂h_j‖ as in script 12: each step's gradient now goes where the
step looks; the last column is a bottleneck no more.
"""

# %%
t = np.arange(S)
beside = np.abs(mean_alpha.argmax(1) - (S - 1 - t))
near = np.abs(flow.argmax(1) - (S - 1 - t))
assert (beside <= 1).sum() >= 7
assert (near <= 1).sum() >= 7
assert (flow.argmax(1) == S - 1).sum() <= 3
assert (plain_flow.argmax(1) == S - 1).all()
with picture("p13_attention", width=11, panels=(1, 1.1, 1.15)) as (left, middle, last):
    left.plot(plain_losses, color="#D55E00", label="without attention")
    left.plot(losses, "--", color="#0072B2", label="with attention")
    left.set(xlabel="update", ylabel="$L\\,/\\,T$", title="Training", ylim=(0, None))
    left.legend()
    extent = (0.5, S + 0.5, S + 0.5, 0.5)
    maps = ((middle, mean_alpha, r"mean of $\alpha_{tj}$"), (last, np.log10(flow), r"$\log_{10}\|\partial z_t/\partial h_j\|$"))
    for ax, values, label in maps:
        image = ax.imshow(values, cmap="viridis", extent=extent)
        ax.figure.colorbar(image, ax=ax, label=label)
        ax.plot(t + 1, S - t, "o", color="#D55E00", markerfacecolor="none")
        ax.set(xlabel="step $j$ of the encoder", ylabel="step $t$ of the decoder")
        ax.grid(visible=False)
    middle.set(title="Where step $t$ looks")
    last.set(title="Where the gradient goes")

# %% [markdown]
"""
## Exercises

1. `attend(s, h, mask) -> (c, alpha)` in NumPy, with the dot score e_j = sᵀ h_j: for s (B, H), h (B, S, H) and `mask` (B,
   S), where False gets no weight.
2. `attend_backward(dc, s, h) -> (ds, dh)` without a mask: h gets a gradient on two paths, as value and as key.

You have reached the end: `python -m experiments list` has the published experiments that start here.
"""
