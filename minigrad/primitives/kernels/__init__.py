"""Faster forms of some primitives, for plain arrays. Importing this package registers them.

Each file has the name of the file with the readable forms. `tests/primitives/test_kernels.py` runs both on the same
inputs, and fails if a kernel has none. `rows` cuts large arrays into blocks that stay in the cache.
"""

from minigrad.primitives.kernels import convolution as convolution
from minigrad.primitives.kernels import elementwise as elementwise
from minigrad.primitives.kernels import indexing as indexing
from minigrad.primitives.kernels import layout as layout
from minigrad.primitives.kernels import linalg as linalg
from minigrad.primitives.kernels import losses as losses
from minigrad.primitives.kernels import normalization as normalization
from minigrad.primitives.kernels import pooling as pooling
from minigrad.primitives.kernels import recurrent as recurrent
from minigrad.primitives.kernels import reductions as reductions
from minigrad.primitives.kernels import softmax as softmax
from minigrad.primitives.kernels import special as special
