"""Plain versions of what the package does: short, obviously right, and in the shape in which one
would write them first, or in which they were published.
"""
