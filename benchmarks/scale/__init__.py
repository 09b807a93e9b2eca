"""What a folder of 10,000 runs costs: reports of it, and the runs themselves on 200 workers."""
