"""The annotation task: images to labels."""
