"""Backpropagation made visible: a tape of values, one training step on it, and that step in words and numbers."""

from manyfit.tape.backward import gradients as gradients
from manyfit.tape.main import Trace as Trace
from manyfit.tape.main import trace as trace
from manyfit.tape.value import Value as Value
