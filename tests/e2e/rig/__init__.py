"""What the end-to-end tests are made of: the real programs, a receiver, and a folder of their own."""
