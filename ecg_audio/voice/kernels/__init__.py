"""What is done to every sample and every frame, compiled: README.md says what each kernel computes, in formulas."""
