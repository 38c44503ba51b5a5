"""gencl and other libraries on the same work."""
