"""What every question stands on: the task, its rows and replicates, what scores, and the words for numbers."""
