"""``python -m leadline``: the command line."""

from leadline.cli.main import run

if __name__ == "__main__":
    run()
