"""A character model over words of different lengths: packed sequences, an LSTM, masks, and sampling by argmax."""

import string

import torch
from given import fill
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pack_sequence, pad_packed_sequence, pad_sequence
from torch.utils.data import DataLoader, Dataset

ALPHABET = "." + string.ascii_lowercase
WORDS = ["anna", "bob", "christopher", "di", "eve", "otto"]


class Names(Dataset):
    def __init__(self, words):
        self.words = words

    def __len__(self):
        return len(self.words)

    def __getitem__(self, i):
        indices = [ALPHABET.index(c) for c in f".{self.words[i]}."]
        return torch.tensor(indices[:-1]), torch.tensor(indices[1:])


def collate(batch):
    batch.sort(key=lambda pair: len(pair[0]), reverse=True)
    lengths = torch.tensor([len(x) for x, _ in batch])
    x = pad_sequence([x for x, _ in batch], batch_first=True)
    y = pad_sequence([y for _, y in batch], batch_first=True, padding_value=-1)
    return x, y, lengths


class CharRNN(nn.Module):
    def __init__(self, vocabulary, hidden=12):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, 5, padding_idx=0)
        self.rnn = nn.LSTM(5, hidden, num_layers=2, batch_first=True)
        self.out = nn.Linear(hidden, vocabulary)

    def forward(self, x, lengths, state=None):
        packed = pack_padded_sequence(self.embedding(x), lengths.cpu(), batch_first=True, enforce_sorted=True)
        output, state = self.rnn(packed, state)
        output, _ = pad_packed_sequence(output, batch_first=True)
        return self.out(output), state


model = fill(CharRNN(len(ALPHABET)))
criterion = nn.CrossEntropyLoss(ignore_index=-1)
optimizer = torch.optim.RMSprop(model.parameters(), lr=0.01)
results = []
for epoch in range(3):
    for x, y, lengths in DataLoader(Names(WORDS), batch_size=3, shuffle=False, collate_fn=collate):
        logits, (h, c) = model(x, lengths)
        loss = criterion(logits.transpose(1, 2), y)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_value_(model.parameters(), 0.5)
        optimizer.step()
        results += [loss.item(), h[-1].norm().item(), c.abs().max().item()]
model.eval()
text, state, x = "", None, torch.zeros(1, 1, dtype=torch.long)
with torch.no_grad():
    for _ in range(5):
        logits, state = model(x, torch.tensor([1]), state)
        x = logits[:, -1].topk(1).indices
        text += ALPHABET[x.item()]
        results.append(torch.softmax(logits[0, -1] / 0.8, dim=0).max().item())
results += [ALPHABET.index(c) for c in text]
together = pack_sequence([torch.arange(3.0), torch.arange(2.0)])
results += [*together.data.tolist(), *together.batch_sizes.tolist()]
