"""Grad-CAM and saliency: hooks on a layer, the gradient with respect to the image, features by a forward hook."""

import numpy as np
import torch
import torch.nn.functional as F
from given import fill
from torch import nn

rng = np.random.default_rng(9)
model = fill(
    nn.Sequential(
        nn.Conv2d(3, 6, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 8, 3, padding=1), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4),
    )
)  # fmt: skip
model.eval()
activations, gradients = {}, {}


def save_activation(name):
    def hook(module, input, output):
        activations[name] = output.detach()

    return hook


def save_gradient(module, grad_input, grad_output):
    gradients["value"] = grad_output[0]


handles = [model[3].register_forward_hook(save_activation("conv")), model[3].register_full_backward_hook(save_gradient)]
image = torch.tensor(rng.normal(size=(1, 3, 8, 8)), dtype=torch.float32).requires_grad_(True)
scores = model(image)
target = scores.argmax(dim=1).item()
model.zero_grad()
scores[0, target].backward()
weights = gradients["value"].mean(dim=(2, 3), keepdim=True)
cam = F.relu((weights * activations["conv"]).sum(dim=1, keepdim=True))
cam = F.interpolate(cam, size=image.shape[2:], mode="bilinear", align_corners=False)
cam = (cam - cam.min()) / (cam.max() - cam.min() + 1e-8)
saliency, _ = image.grad.data.abs().max(dim=1)
for handle in handles:
    handle.remove()

# tensor hooks, retained gradients, and gradients of inner tensors
seen = []
x = image.detach().clone().requires_grad_()
features = model[:5](x)
features.retain_grad()
features.register_hook(lambda g: seen.append(g.norm().item()))
out = model[5:](features)
(g,) = torch.autograd.grad(out[0, 0], features, retain_graph=True)
out.backward(torch.ones_like(out))
# a fast gradient sign attack
adversarial = torch.clamp(image + 0.1 * image.grad.sign(), -3, 3).detach()
results = [target, *scores[0].tolist(), *cam.flatten()[::9].tolist(), *saliency.flatten()[::9].tolist(), *seen]
results += [
    g.abs().sum().item(),
    features.grad.abs().sum().item(),
    x.grad.norm().item(),
    *model(adversarial)[0].tolist(),
]
