"""PyTorch's training throughput: torch_train.py --workload lstm_text --threads 2 [--compile]

Its best settings on a CPU: the fused Adam, losses on logits, gradients set to None. torch.nn.LSTM has no recurrent
dropout, so lstm_text drops only the embeddings.
"""
import time

import common

parser = common.options(__doc__)
parser.add_argument("--compile", action="store_true", help="torch.compile; needs a C++ compiler when it runs")
args = parser.parse_args()
common.use_threads(args.threads)

import torch
from torch import nn
from torch.nn import functional

torch.set_num_threads(args.threads)
torch.set_num_interop_threads(1)
torch.manual_seed(1)


def mlp(features, units):
    return nn.Sequential(nn.Linear(features, units), nn.ReLU(), nn.Linear(units, units), nn.ReLU(),
                         nn.Linear(units, 10))


class TextClassifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(10000, 50)
        self.dropout = nn.Dropout(0.2)
        self.lstm = nn.LSTM(50, 64, batch_first=True)
        self.head = nn.Linear(64, 1)

    def forward(self, ids):
        h, _ = self.lstm(self.dropout(self.embedding(ids)))
        return self.head(h[:, -1]).squeeze(1)


class CharacterModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(65, 128)
        self.lstm = nn.LSTM(128, 256, num_layers=2, batch_first=True)
        self.head = nn.Linear(256, 65)

    def forward(self, ids):
        h, _ = self.lstm(self.embedding(ids))
        return self.head(h).flatten(0, 1)


batch = common.BATCH[args.workload]
if args.workload in ("mlp_small", "mlp_mnist"):
    features, units = {"mlp_small": (20, 64), "mlp_mnist": (784, 512)}[args.workload]
    model, loss = mlp(features, units), functional.cross_entropy
    data = [(torch.randn(batch, features), torch.randint(10, (batch,))) for _ in range(common.BATCHES)]
elif args.workload == "lstm_text":
    model, loss = TextClassifier(), functional.binary_cross_entropy_with_logits
    data = [(torch.randint(10000, (batch, 100)), torch.randint(2, (batch,)).float()) for _ in range(common.BATCHES)]
else:
    model, loss = CharacterModel(), functional.cross_entropy
    data = [(torch.randint(65, (batch, 64)), torch.randint(65, (batch * 64,))) for _ in range(common.BATCHES)]

optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
forward = torch.compile(model) if args.compile else model
steps = 0


def step():
    global steps
    x, y = data[steps % common.BATCHES]
    optimizer.zero_grad(set_to_none=True)
    loss(forward(x), y).backward()
    optimizer.step()
    steps += 1


def run(seconds):
    end, before = time.perf_counter() + seconds, steps
    while True:
        step()
        if time.perf_counter() >= end:
            return (steps - before) * batch


step()
first_step_at = time.time()
warm = time.perf_counter()
while steps < common.WARM_UP and (steps < 3 or time.perf_counter() - warm < args.seconds):
    step()
common.report(args, f"PyTorch {torch.__version__}", first_step_at, common.windows(args.seconds, run))
