"""What tests lean on and is no test: stand-ins, servers, programs to kill, results made to order, tiny models."""

from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
