"""Speed against the plain-PyTorch floor."""
