"""The two models of a transfer, and what is read out of them."""
