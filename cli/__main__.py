"""`python -m whet.cli`: the form that torchrun and accelerate need."""

from .main import entry

if __name__ == "__main__":
    entry()
