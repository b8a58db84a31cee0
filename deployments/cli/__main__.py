"""`python -m deployments.cli` is `ecg`, for programs that start it with an interpreter of their own."""

from deployments.cli.main import main

main()
