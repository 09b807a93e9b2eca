"""Options of `vsebench run` that make a run of a second or two."""

TINY = (
    "--dataset",
    "scenes:images=100",
    "--epochs",
    "1",
    "--set",
    "warmup_epochs=0",
    "--set",
    "embed_dim=8",
    "--set",
    "word_dim=8",
    "--set",
    "batch_size=32",
)
