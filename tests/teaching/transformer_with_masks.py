"""A Transformer encoder for sequences with padding: positions by sines, masks for padding and for the future."""

import math

import numpy as np
import torch
from given import fill
from torch import Tensor, nn


class PositionalEncoding(nn.Module):
    def __init__(self, d_model: int, dropout: float = 0.0, max_len: int = 50):
        super().__init__()
        self.dropout = nn.Dropout(p=dropout)
        position = torch.arange(max_len).unsqueeze(1)
        div_term = torch.exp(torch.arange(0, d_model, 2) * (-math.log(10000.0) / d_model))
        pe = torch.zeros(max_len, 1, d_model)
        pe[:, 0, 0::2] = torch.sin(position * div_term)
        pe[:, 0, 1::2] = torch.cos(position * div_term)
        self.register_buffer("pe", pe)

    def forward(self, x: Tensor) -> Tensor:
        return self.dropout(x + self.pe[: x.size(0)])


class Model(nn.Module):
    def __init__(self, ntoken: int, d_model: int, nhead: int, nlayers: int):
        super().__init__()
        self.pos_encoder = PositionalEncoding(d_model)
        layer = nn.TransformerEncoderLayer(d_model, nhead, dim_feedforward=16, dropout=0.0, activation="gelu")
        self.encoder = nn.TransformerEncoder(layer, nlayers, enable_nested_tensor=False)
        self.embedding = nn.Embedding(ntoken, d_model)
        self.d_model = d_model
        self.linear = nn.Linear(d_model, ntoken)

    def forward(self, src: Tensor, mask: Tensor, padding: Tensor) -> Tensor:
        x = self.pos_encoder(self.embedding(src) * math.sqrt(self.d_model))
        return self.linear(self.encoder(x, mask=mask, src_key_padding_mask=padding))


rng = np.random.default_rng(7)
source = torch.tensor(rng.integers(1, 11, size=(7, 4)))
for example, length in enumerate((7, 5, 6, 3)):
    source[length:, example] = 0
model = fill(Model(11, 8, 2, 2))
padding = (source == 0).t()
causal = torch.triu(torch.full((7, 7), float("-inf")), diagonal=1)
padding_mask = torch.zeros_like(padding, dtype=torch.float32).masked_fill_(padding, float("-inf"))
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: min((step + 1) ** -0.5, (step + 1) * 4**-1.5))
results = []
for _ in range(4):
    logits = model(source, causal, padding_mask)
    loss = nn.functional.cross_entropy(logits[:-1].reshape(-1, 11), source[1:].reshape(-1), ignore_index=0)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    scheduler.step()
    results += [loss.item(), *scheduler.get_last_lr()]
with torch.no_grad():
    model.eval()
    attention = nn.MultiheadAttention(8, 2, batch_first=True)
    fill(attention)
    out, weights = attention(*[model.embedding(source.T)] * 3, key_padding_mask=padding, average_attn_weights=False)
results += [math.exp(results[-2]), *weights[3, 0, 0].tolist(), out[0].sum().item()]
assert nn.Transformer.generate_square_subsequent_mask(7).equal(causal)
