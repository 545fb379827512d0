"""The training loop: checkpoints, settings, memory, and what a network's learner has to offer."""
