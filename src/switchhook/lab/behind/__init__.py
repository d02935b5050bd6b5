"""What a program behind the proxy is given on its PYTHONPATH; this package itself is never imported there."""
