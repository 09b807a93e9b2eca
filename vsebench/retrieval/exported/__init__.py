"""Trained models as folders that stand alone: `write` makes one of a finished run, `read` opens it.

model.json           what the model reads and gives, what it needs, and the SHA-256 of each file
record.json          the run that trained it: components, protocol, test metrics, provenance
model.safetensors    every weight, those of frozen encoders among them
vocabulary.txt       a word a line, for encoders that read words
image-encoder/, text-encoder/   settings and tokenizer of pretrained encoders
plugins/             plugin files of its components
README.md            the same for people
"""
