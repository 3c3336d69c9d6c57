"""Line charts, heat maps and their colors as SVG. Imports nothing of minigrad."""
