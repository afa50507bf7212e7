"""Bad inputs, and a judge of the answers to them."""
