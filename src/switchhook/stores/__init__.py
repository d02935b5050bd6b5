"""What is kept: the journal of facts, and the call records made from it."""
