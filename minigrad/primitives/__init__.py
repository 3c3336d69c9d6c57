"""Every primitive with its derivative, one short entry each, grouped by subject.

`rule` says what an entry may look like. `elementwise` is plain text and imports no NumPy, for the scalar engine
uses it too; the other files are written in NumPy functions.
"""
