"""``python -m gencl``: what torchrun and accelerate launch start."""

from gencl.commands import main

if __name__ == "__main__":
    main()
