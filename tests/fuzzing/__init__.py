"""Random programs, run with minigrad and with PyTorch: a generator a file, and what runs, compares and shortens them.

`python tests/fuzzing/runner.py graphs --seconds 60` tries programs until the time is up; `--seed 7` writes program 7.
"""
