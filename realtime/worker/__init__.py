"""The process that plays a model, and what it is made of."""
