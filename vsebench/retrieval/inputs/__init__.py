"""What a run reads: tables of its splits, raw images, and the batches made of them."""
