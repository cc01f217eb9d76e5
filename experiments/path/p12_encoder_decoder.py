# %% [markdown]
"""
# 12. Encoder and decoder: everything through one vector

Two RNNs. The encoder reads x_1 … x_S and says nothing; its last state starts the decoder, which says y_1 … y_T:

    h_j = f(e(x_j), h_{j−1})                     encoder, j = 1 … S
    s_0 = h_S        s_t = f'(e(y_{t−1}), s_{t−1})        z_t = W s_t + b        p(y_t | y_1 … y_{t−1}, x) = softmax(z_t)
    L = Σ_t L_t        L_t = −ln p(y_t | y_1 … y_{t−1}, x)

In training the decoder reads the right y_{t−1} (teacher forcing), not what it said itself. (Sutskever, Vinyals and Le 2014;
Cho et al. 2014.) The task: eight digits, backwards.
"""

# %%
import numpy as np

import minigrad as torch
from experiments.path import reversal
from experiments.path.picture import picture
from layers import bptt, seq2seq

S, E, H = 8, 16, 64
torch.manual_seed(0)
encoder = seq2seq.Encoder(reversal.VOCABULARY, E, H, padding_idx=None)
decoder = seq2seq.Decoder(reversal.VOCABULARY, E, H, padding_idx=None)
model = seq2seq.Seq2Seq(encoder, decoder)
losses = reversal.train(model, S, updates=300)
drawn = reversal.batch(500, S)
right = reversal.right(model, drawn)

# %% [markdown]
"""
A model that guesses has L/T = ln 10 = 2.30. After 300 updates this one is below 0.5, and says between 8 and 9.5 digits in
10 right. On its own, without the right answer to read, `greedy` feeds what it says back in.
"""

# %%
assert abs(losses[0] - np.log(10)) < 0.3
assert np.mean(losses[-20:]) < 0.5
assert round(np.log(10), 2) == 2.30
assert 0.8 < right.mean() < 0.95
model.eval()
said = seq2seq.greedy(decoder, model.start(drawn.source), begin=reversal.BEGIN, end=-1, max_length=S)
assert said.ids.shape == (S, 500)
assert (said.ids[0] == drawn.target_out[0]).float().mean() == right[0]  # nothing has been fed back yet

# %% [markdown]
"""
## Where the gradient must pass

`bptt.flow` computes ‖∂z_t/∂h_j‖ for every step t of the decoder and every state j of the encoder, z_t here the score of the
right digit (the loss of what is learned already has hardly any gradient left). All of it comes through h_S: the way from
z_t back to h_j has t − 1 steps in the decoder and S − j in the encoder. For reversal x_j is needed at t = S + 1 − j, so the
way is 2 (S − j) steps long: 0 for the last digit, 14 for the first.
"""


# %%
def right_scores(z: torch.Tensor) -> torch.Tensor:
    """Return the mean score of y_t, (T,), of scores (T, B, V)."""
    return z.gather(2, drawn.target_out.unsqueeze(2)).mean((1, 2))


flow = bptt.flow(model, (drawn.source, None, drawn.target_in), right_scores, at="encoder.rnn").numpy()
assert flow.shape == (S, S)
assert 2 * (S - 1) == 14

# %% [markdown]
"""
## What to look for

*Middle:* the first digit it says, the last it read, is nearly always right; the last three it says are worse, on average by
more than 5 in 100: 64 numbers have to hold eight digits. *Right:* each row has its largest gradient at j = S, the last
column, the bottleneck. The rings are where the digit stands that y_t should be. The further back from h_S, the less
comes there: of the last row's gradient, what h_1 gets is less than half of what h_S does.
"""

# %%
assert (flow.argmax(1) == S - 1).all()
assert (np.diff(flow, axis=1) > 0).mean() > 0.9
assert flow[-1, 0] < 0.5 * flow[-1, -1]
assert right[0] > 0.97
assert right[5:].mean() < right[0] - 0.05
with picture("p12_encoder_decoder", width=11, panels=(1, 1, 1.15)) as (left, middle, last):
    left.plot(losses, color="#0072B2")
    left.axhline(np.log(10), color="black", linestyle=":", label=r"guessing: $\ln\,10$")
    left.set(xlabel="update", ylabel="$L\\,/\\,T$", title="Training", ylim=(0, None))
    left.legend()
    t = np.arange(1, S + 1)
    middle.bar(t, right.numpy(), color="#0072B2")
    middle.set(xlabel="step $t$ of the answer", ylabel="share of right digits", title="Right at step $t$", ylim=(0, 1))
    extent = (0.5, S + 0.5, S + 0.5, 0.5)
    image = last.imshow(np.log10(flow), cmap="viridis", extent=extent)
    last.figure.colorbar(image, ax=last, label=r"$\log_{10}\|\partial z_t/\partial h_j\|$")
    last.plot(t, S + 1 - t, "o", color="#D55E00", markerfacecolor="none")
    last.set(
        xlabel="step $j$ of the encoder", ylabel="step $t$ of the decoder", title="All through $h_S$; rings: where $y_t$ stands"
    )
    last.grid(visible=False)

# %% [markdown]
"""
## Exercises

1. `log_probability(z, ids, end) -> float` in NumPy: ln p(y | x) = Σ_t ln p(y_t | …) of one sequence from its scores z (T,
   V) and `ids` (T,), up to and including the first `end`.
2. `teacher_forced(target, begin) -> (read, said)`: what the decoder reads and is to say, for `target` (T, B) with its end
   ids.
"""
