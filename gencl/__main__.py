"""The entry point of ``python -m gencl``, which torchrun and accelerate launch also use."""

from gencl.commands import main

if __name__ == "__main__":
    main()
