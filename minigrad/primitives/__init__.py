"""Every primitive with its derivative, one short entry each, grouped by subject.

`primitive` says what an entry is. `elementwise` consists of texts and imports no NumPy, since the scalar engine reads
them too; the other files are written in NumPy functions. `kernels` holds faster forms of some entries.
"""
