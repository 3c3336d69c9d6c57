"""Diagnosis in words: what is wrong with a gradient or with a training run."""
