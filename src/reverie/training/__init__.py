"""The one trainer, the stream of batches, seeds, checkpoints, and the run folder."""
