"""Many runs: comparisons, searches, seeds trained as one."""
