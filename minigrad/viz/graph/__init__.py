"""The graph as a picture: `draw`."""
