"""Experiments of many runs: comparisons, hyper-parameter searches, and several seeds trained as one."""
