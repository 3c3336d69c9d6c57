"""Utilities for the gradients and parameters of a model, and for sequences: `clip_grad_norm_`, `rnn.pad_sequence`,
`rnn.pack_padded_sequence`."""

from typing import TYPE_CHECKING

from minigrad.nn.utils import rnn as rnn
from minigrad.nn.utils.gradients import clip_grad_norm as clip_grad_norm
from minigrad.nn.utils.gradients import clip_grad_norm_ as clip_grad_norm_
from minigrad.nn.utils.gradients import clip_grad_value_ as clip_grad_value_
from minigrad.nn.utils.gradients import clip_grads_with_norm_ as clip_grads_with_norm_
from minigrad.nn.utils.gradients import get_total_norm as get_total_norm
from minigrad.nn.utils.gradients import parameters_to_vector as parameters_to_vector
from minigrad.nn.utils.gradients import vector_to_parameters as vector_to_parameters
from minigrad.nn.utils.weight_norm import remove_weight_norm as remove_weight_norm
from minigrad.nn.utils.weight_norm import weight_norm as weight_norm
from minigrad.output.absent import missing_from

if not TYPE_CHECKING:
    __getattr__ = missing_from(__name__)
