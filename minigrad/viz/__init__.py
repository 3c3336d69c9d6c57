"""What a graph and a training run look like: pictures (`draw`, `dot`) and progress (`progress`).

Nothing is imported before it is asked for: the text of a picture needs neither NumPy nor graphviz.
"""
