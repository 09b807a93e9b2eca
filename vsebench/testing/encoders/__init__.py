"""The promises of encoders."""
