"""A DCGAN: transposed convolutions, weights by `apply`, two optimizers, fixed noise, real and fake labels."""

import numpy as np
import torch
import torch.nn as nn
import torch.optim as optim
from torch.autograd import Variable

nz, ngf, ndf, nc = 6, 4, 4, 1
rng = np.random.default_rng(5)


def weights_init(m):
    classname = m.__class__.__name__
    if classname.find("Conv") != -1:
        m.weight.data.copy_(torch.from_numpy(rng.normal(0.0, 0.1, size=tuple(m.weight.size()))))
    elif classname.find("BatchNorm") != -1:
        m.weight.data.fill_(1.0)
        nn.init.constant_(m.bias.data, 0)


class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        self.main = nn.Sequential(
            nn.ConvTranspose2d(nz, ngf * 2, 4, 1, 0, bias=False),
            nn.BatchNorm2d(ngf * 2),
            nn.ReLU(True),
            nn.ConvTranspose2d(ngf * 2, nc, 4, 2, 1, bias=False),
            nn.Tanh(),
        )

    def forward(self, input):
        return self.main(input)


class Discriminator(nn.Module):
    def __init__(self):
        super().__init__()
        self.main = nn.Sequential(
            nn.Conv2d(nc, ndf, 4, 2, 1, bias=False),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(ndf, 1, 4, 1, 0, bias=False),
            nn.Sigmoid(),
        )

    def forward(self, input):
        return self.main(input).view(-1, 1).squeeze(1)


device = torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
netG, netD = Generator().to(device), Discriminator().to(device)
netG.apply(weights_init)
netD.apply(weights_init)
criterion = nn.BCELoss()
optimizerD = optim.Adam(netD.parameters(), lr=0.0002, betas=(0.5, 0.999))
optimizerG = optim.Adam(netG.parameters(), lr=0.0002, betas=(0.5, 0.999))
fixed_noise = torch.tensor(rng.normal(size=(2, nz, 1, 1)), device=device).float()
results = []
for i in range(3):
    real = Variable(torch.FloatTensor(rng.uniform(-1, 1, size=(5, nc, 8, 8)).astype("float32")))
    noise = torch.tensor(rng.normal(size=(5, nz, 1, 1)), dtype=torch.float)
    label = torch.full((5,), 1.0, dtype=real.dtype, device=device)
    netD.zero_grad()
    errD_real = criterion(netD(real), label)
    errD_real.backward()
    fake = netG(noise)
    label.fill_(0)
    errD_fake = criterion(netD(fake.detach()), label)
    errD_fake.backward()
    D_G_z1 = netD(fake).mean().item()
    optimizerD.step()
    netG.zero_grad()
    errG = criterion(netD(fake), label.fill_(1))
    errG.backward()
    optimizerG.step()
    results += [(errD_real + errD_fake).item(), errG.data.item(), D_G_z1]
with torch.no_grad():
    grid = netG(fixed_noise).detach().cpu().mul(0.5).add(0.5).clamp_(0, 1)
results += [grid.mean().item(), grid.std().item(), *grid[0, 0, 2].numpy()]
