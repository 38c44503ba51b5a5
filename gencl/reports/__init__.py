"""Tables for the terminal and notebooks, and HTML reports of runs and comparisons."""
