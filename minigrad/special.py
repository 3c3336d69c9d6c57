"""The special functions under PyTorch's names for them: special.expit is sigmoid, and so on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minigrad.output import absent as _absent
from minigrad.primitives import special as _primitives
from minigrad.tensors.methods import Operations
from minigrad.tensors.methods import method_factories as _factories

expit, logit = Operations.sigmoid, Operations.logit
erf, erfc, erfinv = Operations.erf, Operations.erfc, Operations.erfinv
exp2, expm1, log1p = Operations.exp2, Operations.expm1, Operations.log1p
xlogy, sinc, round = Operations.xlogy, Operations.sinc, Operations.round
softmax, log_softmax, logsumexp = Operations.softmax, Operations.log_softmax, Operations.logsumexp
ndtr = _factories.unary(
    _primitives.ndtr, "Return the standard normal cumulative distribution function, the area under it up to x."
)

if not TYPE_CHECKING:
    __getattr__ = _absent.missing_from(__name__)
