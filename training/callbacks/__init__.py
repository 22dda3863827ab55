"""What happens beside the training loop: progress, stopping, checkpoints, checks of the loss, lines for the log."""
