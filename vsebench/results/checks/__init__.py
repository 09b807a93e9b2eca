"""Whether what runs left can be believed: their figures (`soundness`), arrays and files."""
