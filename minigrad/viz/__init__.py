"""Pictures and pages: graphs (`draw`), backward passes (`step`), training runs (`watch`) and charts.

Modules load their dependencies on first use: the text of a picture needs neither NumPy nor graphviz.
"""
